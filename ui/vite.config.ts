import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { lessThree } from './scripts/less-three.ts';

// `npm run dev` asks a running server for everything that is the API's.
const server = process.env.FIELDSTONE_SERVER ?? 'http://127.0.0.1:8080';
const api = ['/projects', '/files', '/user', '/oauth', '/sign-in', '/job-types', '/operators', '/openapi.json', '/docs', '/guide'];

export default defineConfig({
  plugins: [svelte({ configFile: false }), lessThree()],
  // Its sources, of which less is left than of the one file it is published as.
  resolve: { alias: [{ find: /^three$/, replacement: 'three/src/Three.js' }] },
  build: {
    // What `fieldstone serve` embeds.
    outDir: process.env.FIELDSTONE_UI_OUT ?? '../crates/server/app',
    assetsDir: 'app',
    emptyOutDir: true,
    target: 'es2022',
    // Nothing as data: URLs, and no inline script: the page runs under a strict Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // Libraries say much on the console that nobody reads; it would be 1 kB, packed.
        minify: { compress: { dropConsole: true } },
        // Its small parts pack better together with it.
        codeSplitting: { groups: [{ name: 'three', test: /node_modules[\\/]three[\\/]/ }] },
      },
    },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
  server: { proxy: Object.fromEntries(api.map((path) => [path, server])) },
  // Machines that do other things are slower, not wrong.
  test: { include: ['tests/**/*.test.ts'], testTimeout: 60_000 },
} as Parameters<typeof defineConfig>[0]);
