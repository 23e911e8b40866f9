// The graph's model: every change as a document, what the server is sent, and what comes back.
import { describe, expect, it } from 'vitest';
import * as changes from '../src/pages/graph/model/document';
import { EMPTY, type Graph, type Node } from '../src/pages/graph/model/document';
import { NoGraph, read, saved, written } from '../src/pages/graph/model/exchange';
import { atItsNode, placed } from '../src/pages/graph/model/faults';
import { formOf, sliderOf, vectorOf } from '../src/pages/graph/model/fields';
import { begin, changed, redone, undone } from '../src/pages/graph/model/history';
import { laidOut } from '../src/pages/graph/model/layout';
import { fits, namedChoice, search, summaryOf, type Kind, type Operator } from '../src/pages/graph/model/operators';
import { matrixOf, placementOf } from '../src/pages/graph/model/placement';
import { fitted, gridAround, needsPart, onTop, type Box } from '../src/pages/graph/model/recipes';

const operator = (type: string, group: Operator['group'], inputs: [string, Kind][], output: Kind, parameters: unknown[] = []): [string, Operator] => [
  type,
  {
    type, group, description: '', details: '', output, ignored: [], example: {}, parameters,
    inputs: inputs.map(([name, kind]) => ({ name, type: kind, required: true, channels: null, wants: 'Sign' })),
  } as unknown as Operator,
];
const LATTICE = { name: 'lattice_type', default: 'Gyroid', unit: null, description: '', schema: { enum: ['Gyroid', 'P', 'SchwarzD'] } };
const operators = new Map([
  operator('Grid', 'source', [], 'Vec3f'),
  operator('Volume', 'source', [], 'Volume'),
  operator('Twist', 'transform', [['Points', 'Vec3f']], 'Vec3f'),
  operator('Box', 'sample', [['Points', 'Vec3f']], 'Float'),
  operator('Lattice', 'sample', [['Points', 'Vec3f']], 'Float', [LATTICE]),
  operator('SampleVolume', 'sample', [['Points', 'Vec3f'], ['Volume', 'Volume']], 'Any'),
  operator('CSG', 'filter', [['A', 'Float'], ['B', 'Float']], 'Float'),
  operator('Redistance', 'filter', [['Samples', 'Float']], 'Float'),
  operator('Threshold', 'filter', [['Samples', 'Float']], 'Byte'),
]);
const node = (id: string, type: string, parameters = {}): Node => ({ id, type, parameters, x: 0, y: 0 });
const edge = (text: string) => {
  const [source, target, port] = text.split(' ') as [string, string, string];
  return { source, target, port };
};
/** grid → box, lattice → csg → redistance. */
const infill: Graph = {
  nodes: [node('g', 'Grid'), node('b', 'Box'), node('l', 'Lattice'), node('c', 'CSG'), node('r', 'Redistance')],
  edges: ['g b Points', 'g l Points', 'b c A', 'l c B', 'c r Samples'].map(edge),
};
const edges = (graph: Graph) => graph.edges.map(({ source, target, port }) => `${source} ${target} ${port}`).sort();

/** The same numbers every time (mulberry32). */
function random(seed: number) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function holdsTogether(graph: Graph) {
  const ids = graph.nodes.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { source, target } of graph.edges) expect(ids).toEqual(expect.arrayContaining([source, target]));
  const inputs = graph.edges.map(({ target, port }) => `${target} ${port}`);
  expect(new Set(inputs).size).toBe(inputs.length);
  for (const { source, target } of graph.edges) expect(changes.upstream(graph, [source]).has(target)).toBe(false);
}

describe('a graph', () => {
  it('is joined where values fit, in place of what was there, and never in a circle', () => {
    expect(changes.refusal(infill, operators, 'r', 'b', 'Points')).toEqual({ why: 'circle' });
    expect(changes.refusal(infill, operators, 'g', 'c', 'A')).toEqual({ why: 'kind', gives: 'Vec3f', takes: 'Float' });
    expect(changes.refusal(infill, operators, 'l', 'c', 'A')).toBeNull();
    expect(edges(changes.connect(infill, edge('l c A')))).toContain('l c A');
    expect(changes.connect(infill, edge('l c A')).edges.length).toBe(5);
  });
  it('loses nodes with their edges, or has their neighbours joined', () => {
    expect(edges(changes.remove(infill, operators, ['c']))).toEqual(['g b Points', 'g l Points']);
    // What comes first into a CSG reaches past it.
    expect(edges(changes.remove(infill, operators, ['c'], true))).toEqual(['b r Samples', 'g b Points', 'g l Points']);
    // Past a box nothing goes: points are no numbers.
    expect(edges(changes.remove(infill, operators, ['b'], true))).toEqual(['c r Samples', 'g l Points', 'l c B']);
    expect(edges(changes.remove(infill, operators, ['b', 'c'], true))).toEqual(['g l Points']);
  });
  it('has operators put on its edges, where they fit', () => {
    const at = edge('b c A');
    expect(changes.insertable(infill, operators, at, 'Box')).toBeUndefined();
    expect(edges(changes.insert(infill, operators, at, node('n', 'Redistance')))).toEqual(
      ['b n Samples', 'c r Samples', 'g b Points', 'g l Points', 'l c B', 'n c A'],
    );
    expect(changes.insertable(infill, operators, edge('g b Points'), 'Twist')).toBe('Points');
  });
  it('takes a new node beside what is chosen', () => {
    const beside = (type: string, chosen: string[]) => edges(changes.addBeside(infill, operators, node('n', type), chosen)).filter((text) => text.includes(' n '));
    expect(beside('CSG', ['l', 'b'])).toEqual(['b n B', 'l n A']);
    expect(beside('Redistance', ['r'])).toEqual(['r n Samples']);
    // No numbers go into points: those are taken that the chosen is made of.
    expect(beside('Box', ['r'])).toEqual(['g n Points']);
    expect(beside('Grid', ['r'])).toEqual([]);
  });
  it('is copied with what joins the copies, under new names', () => {
    const { graph, ids } = changes.paste(infill, changes.part(infill, ['l', 'c']));
    expect(ids.length).toBe(2);
    expect(graph.nodes.length).toBe(7);
    expect(edges(graph).filter((text) => ids.some((id) => text.includes(id)))).toEqual([`${ids[0]} ${ids[1]} B`]);
    holdsTogether(graph);
  });
  it('holds together whatever is done to it', () => {
    for (let seed = 1; seed <= 15; seed++) {
      const next = random(seed);
      const pick = <T>(list: T[]) => list[Math.floor(next() * list.length)]!;
      let graph: Graph = EMPTY;
      for (let step = 0; step < 30; step++) {
        const ids = graph.nodes.map(({ id }) => id);
        const type = pick([...operators.keys()]);
        const fresh = node(changes.freshId(graph), type);
        const act = pick(['add', 'add', 'join', 'join', 'remove', 'reconnect', 'insert', 'mute', 'paste']);
        if (act === 'add' || ids.length === 0) graph = changes.addBeside(graph, operators, fresh, ids.slice(-2));
        else if (act === 'join') {
          const [source, target] = [pick(ids), pick(ids)];
          const port = pick(changes.portsOf(graph, operators, target))?.name;
          if (port && !changes.refusal(graph, operators, source, target, port)) graph = changes.connect(graph, { source, target, port });
        } else if (act === 'insert') graph = graph.edges.length > 0 ? changes.insert(graph, operators, pick(graph.edges), fresh) : graph;
        else if (act === 'mute') graph = changes.mute(graph, [pick(ids)]);
        else if (act === 'paste') graph = ids.length < 30 ? changes.paste(graph, changes.part(graph, ids.slice(0, 3))).graph : graph;
        else graph = changes.remove(graph, operators, [pick(ids)], act === 'reconnect');
        holdsTogether(graph);
        expect(changes.inOrder(graph).length).toBe(graph.nodes.length);
        // What is sent is joined within itself, fits, and comes back as it was.
        const { graph: sent, nodes } = written(graph, operators);
        expect(sent.operators.length).toBe(nodes.length);
        for (const { source, target: [at, port] } of sent.edges) {
          const takes = operators.get(sent.operators[at]!.type)!.inputs.find(({ name }) => name === port)!.type;
          expect(fits(operators.get(sent.operators[source]!.type)!.output, takes)).toBe(true);
        }
        expect(read(JSON.stringify(saved(graph, operators)), operators)).toEqual(JSON.parse(JSON.stringify(graph)));
      }
    }
  });
});

describe('what is muted', () => {
  const types = (graph: Graph, target?: string) => written(graph, operators, target).graph.operators.map(({ type }) => type);
  it('is left out of what is sent, and its first input of the kind goes past it', () => {
    const muted = changes.mute(infill, ['c']);
    expect(types(muted)).toEqual(['Grid', 'Box', 'Lattice', 'Redistance']);
    expect(written(muted, operators).graph.edges).toEqual([
      { source: 0, target: [1, 'Points'] }, { source: 0, target: [2, 'Points'] }, { source: 1, target: [3, 'Samples'] },
    ]);
    expect(changes.results(muted, operators)).toEqual(['l', 'r']);
    expect(types(muted, 'r')).toEqual(['Grid', 'Box', 'Redistance']);
    expect(types(changes.mute(muted, ['c']))).toEqual(types(infill));
  });
  it('leaves an input open where nothing of the kind reaches past it', () => {
    const muted = changes.mute(infill, ['b']);
    expect(types(muted)).toEqual(['Grid', 'Lattice', 'CSG', 'Redistance']);
    expect(written(muted, operators).graph.edges.some(({ target }) => target[1] === 'A')).toBe(false);
  });
  it('may be the last: then what goes past it is the result, and is what one sees when looking at it', () => {
    const muted = changes.mute(infill, ['r', 'c']);
    expect(types(muted, 'r')).toEqual(['Grid', 'Box']);
  });
  it('is hidden from nobody: mute, mute of several', () => {
    const some = changes.mute(infill, ['b']);
    expect(changes.mute(some, ['b', 'l']).nodes.filter(({ muted }) => muted).length).toBe(2);
    expect(changes.mute(changes.mute(some, ['b', 'l']), ['b', 'l'])).toEqual(infill);
  });
});

describe('exchange with the server', () => {
  it('gives what a node is made of, and knows which operator is which node', () => {
    const { graph, nodes, targets } = written(infill, operators, 'l');
    expect(graph).toEqual({ operators: [{ type: 'Grid', parameters: {} }, { type: 'Lattice', parameters: {} }], edges: [{ source: 0, target: [1, 'Points'] }] });
    expect([nodes, targets]).toEqual([['g', 'l'], ['l']]);
  });
  it('keeps places and what is muted, unless someone else has changed the operators', () => {
    const document = changes.mute({ ...infill, nodes: infill.nodes.map((one, i) => ({ ...one, x: 7 * i })) }, ['r']);
    const kept = saved(document, operators);
    expect(read(kept, operators)).toEqual(document);
    kept.operators[1]!.parameters = { size: [2, 2, 2] };
    const anew = read(kept, operators);
    expect(anew.nodes.length).toBe(4);
    expect(anew.nodes[1]).toMatchObject({ type: 'Box', parameters: { size: [2, 2, 2] } });
  });
  it('opens graphs of others, with operators and inputs that nobody knows', () => {
    const graph = read({ operators: [{ type: 'Grid' }, { type: 'Odd', parameters: null }], edges: [{ source: 0, target: [1, 'What'] }] }, operators);
    expect(changes.portsOf(graph, operators, 'n2').map(({ name }) => name)).toEqual(['What']);
    expect(graph.nodes[1]!.x).toBeGreaterThan(graph.nodes[0]!.x);
  });
  it('says what is no graph', () => {
    for (const bad of ['{', '[]', '{}', { operators: [7] }, { operators: [{ type: 'Grid' }], edges: [{ source: 3, target: [0, 'A'] }] }, { operators: [{ type: 'Grid' }], edges: [null] }])
      expect(() => read(bad, operators)).toThrow(NoGraph);
  });
  it('finds the node of an error', () => {
    const sent = written(changes.mute(infill, ['b']), operators);
    const fault = placed('graph: operators[2] (CSG): input "A" is not connected', sent);
    expect(fault).toMatchObject({ node: 'c', port: 'A' });
    expect(atItsNode(fault)).toBe('input "A" is not connected');
    expect(placed('graph: operators[1] (Lattice): parameter "scale": expected 3 numbers', sent)).toMatchObject({ node: 'l', parameter: 'scale' });
    expect(placed('graph: edges[2]: operators[3] (Redistance) has no input "P", it has Samples', sent).node).toBe('r');
    expect(placed('graph: has no operators', sent)).toEqual({ text: 'graph: has no operators' });
    const mesh = written({ nodes: [node('m', 'Mesh', { mesh_data: { path: 'a.stl' } })], edges: [] }, operators);
    expect(placed('graph: no asset called "a.stl" in this project', mesh)).toMatchObject({ node: 'm', parameter: 'mesh_data' });
  });
});

describe('undo', () => {
  it('goes back and forth, and a slider that is drawn is one step', () => {
    let history = begin('a');
    history = changed(history, 'b', 'B', '', 0);
    for (let i = 0; i < 5; i++) history = changed(history, `c${i}`, 'C', 'slider', 100 * i);
    history = changed(history, 'd', 'D', 'slider', 5000);
    expect(history.before.map(({ what }) => what)).toEqual(['B', 'C', 'D']);
    history = undone(undone(history));
    expect(history.now).toBe('b');
    expect(redone(history).now).toBe('c4');
    // A change after undo is a step of its own, and ends what was undone.
    history = changed(history, 'e', 'E', 'slider', 5100);
    expect([history.now, history.after, undone(history).now]).toEqual(['e', [], 'b']);
    expect(undone(begin('a')).now).toBe('a');
    expect(changed(history, 'e', 'same')).toBe(history);
  });
});

describe('places', () => {
  it('go from left to right along every edge, and no two nodes have the same', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const next = random(seed);
      const count = 2 + Math.floor(next() * 30);
      const nodes = Array.from({ length: count }, (_, i) => node(`n${i}`, 'CSG'));
      const made = nodes.slice(1).flatMap(({ id }, i) => ['A', 'B'].map((port) => ({ source: `n${Math.floor(next() * (i + 1))}`, target: id, port })));
      const graph = laidOut({ nodes, edges: made });
      const at = new Map(graph.nodes.map((one) => [one.id, one]));
      for (const { source, target } of graph.edges) expect(at.get(source)!.x).toBeLessThan(at.get(target)!.x);
      expect(new Set(graph.nodes.map(({ x, y }) => `${x} ${y}`)).size).toBe(count);
    }
  });
  it('cross no edges where none need to', () => {
    const nodes = ['a', 'b', 'c', 'd'].map((id) => node(id, 'Twist'));
    const graph = laidOut({ nodes, edges: ['a d Points', 'b c Points'].map(edge) });
    const y = Object.fromEntries(graph.nodes.map((one) => [one.id, one.y]));
    expect(Math.sign(y.a! - y.b!)).toBe(Math.sign(y.d! - y.c!));
  });
});

describe('operators', () => {
  it('are found by name, by words of what is said of them, and by what they offer', () => {
    const all = [...operators.values()];
    expect(search(all, 'volume').map(({ type }) => type)).toEqual(['Volume', 'SampleVolume']);
    expect(search(all, 'gyroid')[0]!.type).toBe('Lattice');
    expect(search(all, 'nothing of the kind')).toEqual([]);
    expect(search(all, '').length).toBe(all.length);
    expect(namedChoice(operators.get('Lattice')!, 'schwarzd lattice')).toEqual({ lattice_type: 'SchwarzD' });
    expect(summaryOf(operators.get('Lattice'), {})).toBe('Gyroid');
    expect(summaryOf(undefined, { mesh_data: { path: 'a.stl' } })).toBe('a.stl');
  });
});

describe('fields', () => {
  const number = { type: 'number' };
  it('fit the values of a parameter', () => {
    const three = { type: 'array', items: number, minItems: 3, maxItems: 3 };
    expect(formOf({ schema: three as never })).toMatchObject({ as: 'vector', count: 3 });
    expect(formOf({ schema: { ...three, minItems: 16, maxItems: 16 } as never }).as).toBe('placement');
    expect(formOf({ schema: { type: 'array', items: three } as never }).as).toBe('json');
    expect(formOf({ schema: {} as never }).as).toBe('json');
    expect(formOf({ schema: { type: 'string', minLength: 1, maxLength: 500 } as never })).toEqual({ as: 'text', most: 500 });
    expect(formOf({ schema: { type: 'object', properties: { path: {}, file_type: { const: 'Raw' } } } as never })).toEqual({ as: 'file', kind: 'Raw' });
    expect([[1, 2, 3], [[1, 2, 3]], { x: 1, y: 2, z: 3 }, ['1', '2', '3']].map((v) => vectorOf(v, 3))).toEqual(Array(4).fill([1, 2, 3]));
    expect([4, [1, 2], 'x', null].map((v) => vectorOf(v, 3))).toEqual([[4, 4, 4], undefined, undefined, undefined]);
  });
  it('have sliders that hold the value and keep to the range', () => {
    expect(sliderOf({ whole: false, low: 0.001, high: 0.999 }, 0.5, 0.5)).toMatchObject({ low: 0.001, high: 0.999 });
    for (const [low, high] of [[0, 1e9], [-1e9, 1e9], [1e-9, 1e9], [1, 1048576]] as const)
      for (const from of [low, 1e-3, 0.1, 1, 10, 64, 12345.6].filter((n) => n >= low && n <= high)) {
        const slider = sliderOf({ whole: low === 1, low, high }, from, 1);
        expect(slider.low).toBeGreaterThanOrEqual(low);
        expect(slider.high).toBeLessThanOrEqual(high);
        expect(slider.high).toBeGreaterThanOrEqual(from);
        expect(slider.step).toBeGreaterThan(0);
      }
  });
});

describe('a placement', () => {
  it('is a matrix with columns first and the move at the end, and comes back', () => {
    expect(matrixOf({ move: [1, 2, 3], turn: [0, 0, 90] })).toEqual([0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 1, 2, 3, 1]);
    expect(matrixOf({ move: [0, 0, 0], turn: [90, 0, 0] })).toEqual([1, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1]);
    const next = random(5);
    for (let i = 0; i < 200; i++) {
      const matrix = matrixOf({ move: [next(), -next(), 9], turn: [360 * next() - 180, i % 5 === 0 ? 90 : 180 * next() - 90, 360 * next() - 180] });
      const back = placementOf(matrix)!;
      matrixOf(back).forEach((n, k) => expect(n).toBeCloseTo(matrix[k]!, 8));
    }
  });
  it('is none where it does more than move and turn', () => {
    const one = matrixOf({ move: [0, 0, 0], turn: [0, 0, 0] });
    for (const bad of [one.with(0, 2), one.with(0, -1), one.with(3, 1), one.slice(1), 'x', undefined]) expect(placementOf(bad)).toBeNull();
  });
});

describe('a recipe', () => {
  it('has its grid of cubes around the part, a twentieth beyond it on each side', () => {
    for (const box of [{ min: [0, 0, 0], max: [10, 10, 10] }, { min: [-0.001, 0, 5], max: [0.001, 0.0003, 5.01] }, { min: [-300, 20, 7], max: [900, 25, 7] }] as Box[]) {
      const { offset, size, resolution } = gridAround(box);
      const cells = size.map((n, a) => n / (resolution[a]! - 1));
      expect(Math.max(...resolution)).toBe(129);
      const longest = Math.max(...box.max.map((n, a) => n - box.min[a]!));
      for (let a = 0; a < 3; a++) {
        expect(cells[a]! / cells[0]!).toBeCloseTo(1, 3);
        expect(box.min[a]! - offset[a]!).toBeGreaterThan(0.049 * longest);
        expect(offset[a]! + size[a]! - box.max[a]!).toBeGreaterThan(0.049 * longest);
      }
    }
    expect(gridAround({ min: [0, 0, 0], max: [10, 10, 10] }).offset).toEqual([-0.5, -0.5, -0.5]);
  });
  it('takes the file, and puts what it places at the middle of the part', () => {
    const recipe = {
      operators: [{ type: 'GenerateSamplePoints', parameters: {} }, { type: 'M', parameters: { mesh_data: { file_type: 'MeshFile', path: 'part.stl' } } }, { type: 'SampleBox', parameters: { size: [1, 1, 9] } }],
      edges: [],
    };
    const [grid, mesh, box] = fitted(recipe, 'a.stl', { min: [0, 0, 0], max: [2, 4, 6] }).operators;
    expect(grid!.parameters).toMatchObject({ resolution: [52, 91, 129] });
    expect(mesh!.parameters).toEqual({ mesh_data: { file_type: 'MeshFile', path: 'a.stl' } });
    expect(placementOf(box!.parameters!.xform)!.move).toEqual([1, 2, 3]);
    expect(fitted(recipe, 'a.stl').operators[0]).toEqual(recipe.operators[0]);
    // A line of four letters on a face of 30 mm by 10 mm: its height is what the face has room for.
    const flat: Box = { min: [0, 0, 0], max: [30, 10, 2] };
    expect(onTop(flat, 'Text')).toMatchObject({ height: 8, thickness: 1 });
    expect(onTop(flat, 'A longer text')).toMatchObject({ height: 2.5, thickness: 0.5 });
    expect(placementOf(onTop(flat, 'Text').xform)!.move).toEqual([15, 5, 2]);
    expect([needsPart(recipe), needsPart({ ...recipe, operators: recipe.operators.slice(2) })]).toEqual([true, false]);
  });
});
