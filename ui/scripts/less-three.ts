// A build's plugin that leaves out of three.js what no scene of the app uses: a third of it, packed.
// The app has meshes in one colour (standard, basic), lines, shader materials, a directional and a hemisphere light, and clipping planes.
// Whoever wants more of three.js (textures on meshes, colours of vertices, shadows, instances, fog, …) takes it off the lists below.

import type { Plugin } from 'vite';

/** Conditions of shaders that are never met. */
const NEVER = [/^defined\s*\(?\s*USE_\w+\s*\)?$/, /^NUM_(POINT|SPOT|SUN|RECT_AREA)_LIGHTS > 0$/, /^NUM_(LIGHT_PROBE_GRIDS|SPOT_LIGHT_COORDS) > 0$/];
/** Shaders of materials that nothing has, and tables of chunks that nothing includes. */
const NO_SHADERS = /\/(background|backgroundCube|cube|depth|distance|equirect|linedashed|meshlambert|meshmatcap|meshnormal|meshphong|meshtoon|points|shadow|sprite|vsm)\.glsl\.js$/;
const NO_CHUNKS = /\/(tonemapping_pars_fragment|lights_(toon|phong|lambert)_\w+|packing|bsdfs|shadowmask_pars_fragment|iridescence_fragment)\.glsl\.js$/;
/** Parts of the renderer that do nothing here, and what stands in for each. */
const PARTS: Record<string, string> = {
  'webxr/WebXRManager': 'class { enabled = false; isPresenting = false; addEventListener() {} removeEventListener() {} setAnimationLoop() {} getEnvironmentBlendMode() {} dispose() {} }',
  'webgl/WebGLEnvironments': 'class { get() { return null; } dispose() {} }',
  'webgl/WebGLMorphtargets': 'class { update() {} }',
  'webgl/WebGLOutput': 'class {}',
  'webgl/WebGLShadowMap': 'class { enabled = false; render() {} }',
  'webgl/WebGLUniformsGroups': 'class { bind() {} update() {} dispose() {} }',
};

/** False where a condition is never met, true where it always is, undefined where it depends. */
function known(condition: string): boolean | undefined {
  if (/!\s*\(/.test(condition)) return undefined;
  const bare = condition.replace(/\(\s*(NUM_\w+ > 0)\s*\)/g, '$1').trim();
  const terms = bare.split('||').map((term) => term.split('&&').map((one) => one.trim()));
  const isNever = (one: string) => NEVER.some((pattern) => pattern.test(one));
  if (terms.every((term) => term.some(isNever))) return false;
  const isAlways = (one: string) => one.startsWith('!') && isNever(one.slice(1).trim());
  return terms.length === 1 && terms[0]!.every(isAlways) ? true : undefined;
}

/** A shader without the branches that are never taken, and without comments. */
export function shortened(shader: string): string {
  const open: { value?: boolean; skips: boolean }[] = [];
  const kept: string[] = [];
  for (const line of shader.split('\n')) {
    const [, word, rest = ''] = /^\s*#(ifdef|ifndef|if|elif|else|endif)\b\s*(.*?)\s*(?:\/\/.*)?$/.exec(line) ?? [];
    const isSkipped = open.some((one) => one.skips);
    if (word?.startsWith('if')) {
      const condition = word === 'if' ? rest : `${word === 'ifndef' ? '!' : ''}defined( ${rest} )`;
      const value = isSkipped ? undefined : known(condition);
      open.push({ value, skips: value === false });
      if (value === undefined && !isSkipped) kept.push(line);
      continue;
    }
    const branch = open.at(-1);
    if (word && !branch) throw new Error(`${line.trim()} without a beginning`);
    if (!word || branch!.value === undefined) {
      if (!isSkipped) kept.push(line);
    } else if (word === 'else') {
      branch!.skips = !branch!.skips;
    } else if (word === 'elif' && known(rest) !== false) {
      if (branch!.value || known(rest)) throw new Error(`#elif ${rest} beside a branch that is known`);
      // What came before is never met: here begins what is left.
      open[open.length - 1] = { skips: false };
      kept.push(`#if ${rest}`);
    }
    if (word === 'endif') open.pop();
  }
  if (open.length > 0) throw new Error('a branch has no end');
  const bare = kept.join('\n').replace(/\/\*(?! glsl)[^]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return bare.replace(/^[ \t]+|[ \t]+$/gm, '').replace(/\n{2,}/g, '\n');
}

export function lessThree(): Plugin {
  return {
    name: 'less-three',
    apply: 'build',
    transform: {
      filter: { id: /[\\/]three[\\/]src[\\/]renderers[\\/]/ },
      handler(code, id) {
        const path = id.replaceAll('\\', '/');
        const part = Object.keys(PARTS).find((name) => path.endsWith(`/${name}.js`));
        if (part) return `export const ${part.split('/')[1]} = ${PARTS[part]};`;
        if (NO_SHADERS.test(path)) return "export const vertex = '', fragment = '';";
        if (NO_CHUNKS.test(path)) return "export default '';";
        return path.endsWith('.glsl.js') ? shortened(code) : undefined;
      },
    },
  };
}
