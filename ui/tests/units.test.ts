// The parts without a page: addresses, texts of numbers, events, requests made again, code for elsewhere.
import { describe, expect, it } from 'vitest';
import { eventsIn } from '../src/api/events';
import { givenTo } from '../src/api/again';
import { filesOf, native, requestOf } from '../src/api/request';
import type { Asset, Job } from '../src/api/client';
import { ofAsset, ofJob, ofWorkflow, python, shell } from '../src/code';
import { ago, duration, measure, size } from '../src/format';
import { pairsOf, read } from '../src/components/pairs';
import { Field, strideFor, thinned, type Patch, type Vec } from '../src/scene/field';
import { fromHash, toHash } from '../src/scene/state';
import { placeOf } from '../src/places';

describe('addresses', () => {
  it('name pages with their numbers', () => {
    expect(placeOf('/').page).toBe('projects');
    expect(placeOf('/p/7/j/12')).toMatchObject({ page: 'job', params: { project: '7', job: '12' } });
    expect(placeOf('/p/7/', '?from=3').query.get('from')).toBe('3');
  });
  it('that no page has are nowhere', () => {
    for (const path of ['/p', '/p/x', '/p/7/j/', '/p/7/j/1/2', '/docs', '/projects/7']) expect(placeOf(path).page).toBe('nowhere');
  });
});

describe('numbers', () => {
  it('are read as people say them', () => {
    expect([0, 999, 1000, 760_734, 999_600, 16_777_216].map(size)).toEqual(['0 B', '999 B', '1 kB', '761 kB', '1 MB', '16.8 MB']);
    expect([-5, 640, 9960, 61_000, 3_599_700, 7_380_000].map(duration)).toEqual(['0 s', '0.6 s', '10 s', '1 min 1 s', '1 h 0 min', '2 h 3 min']);
    expect([0, 1.23456, -12345.6, 1e-7, 123456789].map((n) => measure(n))).toEqual(['0', '1.235', '-12346', '1.000e-7', '1.235e+8']);
  });
  it('of time are counted from now', () => {
    const now = Date.parse('2026-03-01T12:00:00Z');
    expect(ago('2026-03-01T12:00:03+00:00', now)).toBe('just now');
    expect(ago('2026-03-01T11:58:00+00:00', now)).toBe('2 minutes ago');
    expect(ago('2026-02-28T11:00:00+00:00', now)).toBe('yesterday');
  });
});

describe('events', () => {
  it('are whole or wait for the rest', () => {
    const text = 'id: 3-4\nevent: state\ndata: {"a":1}\n\n: keep\n\nevent: progress\r\ndata: x\r\ndata: y\r\n\r\ndata: {"b"';
    const events = [
      { id: '3-4', name: 'state', data: '{"a":1}' },
      { id: undefined, name: 'progress', data: 'x\ny' },
    ];
    expect(eventsIn(text)).toEqual({ events, rest: 'data: {"b"' });
  });
});

describe('a request made again', () => {
  const asset = (filename: string) => ({ filename }) as Asset;
  it('has the files of a slot as a list again', () => {
    const assets = { mesh: asset('a.stl'), 'mesh.1': asset('b.stl'), 'odd.1': asset('c.stl') };
    expect(filesOf(assets)).toEqual({ mesh: ['a.stl', 'b.stl'], 'odd.1': 'c.stl' });
  });
  it('has parameters as they were meant', () => {
    expect(['64', 'true', '[1, 2]', '"text"', 'text', '{'].map(native)).toEqual([64, true, [1, 2], '"text"', 'text', '{']);
    const job = { type: 't', name: null, workflow_id: null, inputs: { assets: null, params: { n: '8' } } } as unknown as Job;
    expect(requestOf(job)).toEqual({ type: 't', assets: {}, parameters: { n: 8 } });
  });
  it('goes through the rows of a form unchanged', () => {
    const request = { mesh: ['a', 'b'], n: 8, graph: { operators: [] }, name: 'x' };
    expect(read(pairsOf(request), native)).toEqual(request);
    expect(read([{ name: ' ', value: 'x' }, { name: 'n', value: ' ' }], native)).toEqual({});
  });
});

describe('a workflow made again', () => {
  const job = (id: string, name: string, needs: string[], inputs: object, outputs: object = {}) =>
    ({ id, name, needs, inputs: { assets: null, params: null, ...inputs }, outputs: { params: null, ...outputs } }) as unknown as Job;
  const file = (filename: string, job_id: string | null) => ({ filename, job_id }) as Asset;
  it('has files that its own jobs did not make, and parameters that they did not compute', () => {
    const jobs = [
      job('3', 'a', [], { assets: { mesh: file('x.stl', null), 'mesh.1': file('y.stl', '1') } }, { params: { size: '[1,2]', n: '8' } }),
      job('4', 'b.c', ['3'], { assets: { mesh: file('z.ply', '3') }, params: { box: '[1,2]', count: '8' } }),
    ];
    expect(givenTo(jobs, 'jobs: {b.c: {parameters: {box: {job: a, parameter: size}}}}')).toEqual({
      assets: { 'a.mesh': ['x.stl', 'y.stl'] },
      parameters: { 'b.c.count': 8 },
    });
  });
});

describe('code', () => {
  it('fetches a file, whatever its name', () => {
    Object.assign(globalThis, { location: { origin: 'http://h' } });
    const code = ofAsset('7', { id: '12', filename: "Anna's \"part\".stl" });
    expect(code.curl).toContain(`-o 'Anna'\\''s "part".stl' "$(curl -s 'http://h/projects/7/assets/12?download=true'`);
    expect(code.python).toContain('client.assets.download_file("12", "Anna\'s \\"part\\".stl")');
    expect(code.cli).toBe(`fieldstone assets cp '7:Anna'\\''s "part".stl' . --server http://h`);
  });
  it('for the command line has an option for each file and parameter', () => {
    Object.assign(globalThis, { location: { origin: 'http://h' } });
    const job = { type: 'a/b', assets: { mesh: ["it's.stl", 'b.stl'] }, parameters: { n: 8, size: [1, 2], word: 'x' } };
    expect(ofJob('7', job as never).cli.replaceAll(' \\\n ', '')).toBe(
      "fieldstone jobs run 'a/b' -p 7 --server http://h --input 'mesh=it'\\''s.stl' --input 'mesh=b.stl' --param 'n=8' --param 'size=[1,2]' --param 'word=x' --wait",
    );
    const cli = ofWorkflow('7', { definition: 'jobs: {}' }).cli;
    expect(cli).toBe("fieldstone workflows run /dev/stdin -p 7 --server http://h \\\n  --wait <<'YAML'\njobs: {}\nYAML");
  });
  it('is quoted for a shell and for Python', () => {
    expect(shell("it's $HOME")).toBe(`'it'\\''s $HOME'`);
    expect(python({ a: [true, null, 'x"y'], b: {} })).toBe('{\n    "a": [True, None, "x\\"y"],\n    "b": {},\n}');
  });
});

/** A ball of radius 3 round (1, 2, 3) on a grid of 41 × 33 × 37 samples. */
function ball(make: (d: number) => number, Samples: typeof Float32Array | typeof Int8Array, scale: number) {
  const patch: Patch = { size: [8, 8, 9], offset: [-3, -2, -1.5], resolution: [41, 33, 37] };
  const samples = new Samples(41 * 33 * 37);
  const at = (i: number, a: number) => patch.offset[a]! + (patch.size[a]! * i) / (patch.resolution[a]! - 1);
  for (let z = 0, i = 0; z < 37; z++)
    for (let y = 0; y < 33; y++)
      for (let x = 0; x < 41; x++, i++) samples[i] = make(Math.hypot(at(x, 0) - 1, at(y, 1) - 2, at(z, 2) - 3) - 3);
  return new Field(patch, samples, scale);
}

describe('a field', () => {
  const volume = (4 / 3) * Math.PI * 27;
  it('has the values, the volume and the surface of a ball', () => {
    const field = ball((d) => d, Float32Array, 1);
    expect(field.at([1, 2, 6])).toBeCloseTo(0, 2);
    expect(field.at([1, 2, 3])).toBeLessThan(-2.8);
    expect(field.at([9, 2, 3])).toBeNull();
    expect(Math.abs(field.volume(true) / volume - 1)).toBeLessThan(2e-3);
    expect(Math.abs(field.volume(false) / volume - 1)).toBeLessThan(3e-2);
    const hit = field.hit([1, 2, 20], [0, 0, -1], 12, 25)!;
    expect(hit[2]).toBeCloseTo(6, 2);
    expect(field.hit([4.5, 5.5, 20], [0, 0, -1], 12, 25)).toBeNull();
  });
  it('is the same as bytes, and when values change faster than distances', () => {
    const bytes = ball((d) => Math.round(Math.max(-1, Math.min(1, d)) * 127), Int8Array, 1 / 127);
    expect(bytes.hit([1, 2, 20], [0, 0, -1], 12, 25)![2]).toBeCloseTo(6, 1);
    const steep = ball((d) => 50 * d, Float32Array, 1);
    expect(steep.steepness).toBeGreaterThan(45);
    expect(steep.hit([1, 2, 20], [0, 0, -1], 12, 25)![2]).toBeCloseTo(6, 2);
  });
  it('too large to be shown is thinned on its own grid', () => {
    expect(strideFor([256, 256, 256])).toBe(1);
    expect(strideFor([512, 512, 512])).toBe(2);
    const patch: Patch = { size: [6, 2, 0], offset: [1, 1, 1], resolution: [7, 3, 1] as Vec };
    const [few, samples] = thinned(patch, Float32Array.from({ length: 21 }, (_, i) => i), 4);
    expect(few).toEqual({ size: [4, 0, 0], offset: [1, 1, 1], resolution: [2, 1, 1] });
    expect([...samples]).toEqual([0, 4]);
  });
});

describe('a link to a view', () => {
  const eye = { round: -50, above: 25.123456789, far: 1.66, target: [50, 0, -37.5] as Vec };
  const section = { on: true, axis: 'y' as const, offset: -12.5, flipped: true, values: false };
  it('says what is seen, in few letters', () => {
    const off = { on: false, most: 5, limit: 0 };
    const hash = toHash(eye, section, off);
    expect(hash.length).toBeLessThan(100);
    expect(fromHash(hash)).toEqual({ eye: { ...eye, above: 25.1235 }, section });
    const thickness = { on: true, most: 7.5, limit: 0.8 };
    expect(fromHash(toHash(eye, section, thickness)).thickness).toEqual(thickness);
    expect(fromHash(toHash(eye, { ...section, on: false }, off)).section).toBeUndefined();
  });
  it('that is wrong says nothing', () => {
    for (const hash of ['', '#c=1,2', '#c=1,2,-3,4,5,6&s=q1', '#s=z1..2e', '#c=a,b,c,d,e,f']) {
      const { eye: none, section: neither } = fromHash(hash);
      expect(none).toBeUndefined();
      expect(neither === undefined || Number.isFinite(neither.offset)).toBe(true);
    }
  });
});
