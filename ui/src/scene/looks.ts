// How things look in three dimensions in either theme, and the keys that turn them.
import * as THREE from 'three';
import { theme } from '../theme.svelte';
import type { Stage } from './stage';
import type { Colours } from './volume';

export function colours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const dark = style.colorScheme === 'dark' || (theme() === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  const of = (text: string) => new THREE.Color(text);
  return dark
    ? { paint: of('#7fb0b8'), inner: of('#c98a4b'), outer: of('#26323a'), line: of('#f3f6f8') }
    : { paint: of('#6d99a3'), inner: of('#e2a968'), outer: of('#dfe7ea'), line: of('#1b2a33') };
}

const KEYS: Record<string, (by: Stage) => void> = {
  ArrowLeft: (by) => by.turn(-10, 0),
  ArrowRight: (by) => by.turn(10, 0),
  ArrowUp: (by) => by.turn(0, 10),
  ArrowDown: (by) => by.turn(0, -10),
  '+': (by) => by.zoom(1 / 1.2),
  '=': (by) => by.zoom(1 / 1.2),
  '-': (by) => by.zoom(1.2),
  f: (by) => by.look(6),
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((n) => [String(n), (by: Stage) => by.look(n - 1)])),
};

/** Turns the stage as the key says, if it says anything. */
export function keyed(stage: Stage | undefined, event: KeyboardEvent) {
  const act = KEYS[event.key];
  if (!act || !stage || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act(stage);
}
