// What the build makes of three.js: shaders without the branches that the app never takes.
import { describe, expect, it } from 'vitest';
import { shortened } from '../scripts/less-three';

describe('a shader is shortened', () => {
  const lines = (text: string) => shortened(text).split('\n').filter(Boolean);
  it('by what a never set name guards, with its else kept', () => {
    expect(lines('a\n#ifdef USE_MAP\nb\n#ifdef OTHER\nc\n#else\nd\n#endif\n#else\ne\n#endif\nf')).toEqual(['a', 'e', 'f']);
    expect(lines('#ifndef USE_MAP\na\n#else\nb\n#endif')).toEqual(['a']);
    expect(lines('#if defined( USE_A ) || defined( USE_B )\na\n#endif\nb')).toEqual(['b']);
    expect(lines('#if ( NUM_POINT_LIGHTS > 0 ) && defined( RE_Direct )\na\n#endif')).toEqual([]);
  });
  it('never by what may be so', () => {
    const open = ['#if defined( USE_A ) || NUM_DIR_LIGHTS > 0', 'a', '#else', 'b', '#endif'];
    expect(lines(open.join('\n'))).toEqual(open);
    expect(lines('#ifdef FLAT_SHADED\na\n#ifdef USE_MAP\nb\n#endif\nc\n#endif')).toEqual(['#ifdef FLAT_SHADED', 'a', 'c', '#endif']);
    const not = ['#if ! ( A && defined( USE_B ) || defined( USE_C ) && D )', 'a', '#endif'];
    expect(lines(not.join('\n'))).toEqual(not);
    const nested = ['#if defined( A ) && ( defined( USE_B ) || defined( C ) )', 'a', '#endif'];
    expect(lines(nested.join('\n'))).toEqual(nested);
  });
  it('to its next branch where the first is never taken', () => {
    expect(lines('#ifdef USE_A\na\n#elif defined( B )\nb\n#elif defined( C )\nc\n#else\nd\n#endif')).toEqual([
      '#if defined( B )', 'b', '#elif defined( C )', 'c', '#else', 'd', '#endif',
    ]);
  });
});
