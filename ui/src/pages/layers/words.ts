// What the page of layers says, beside src/words.ts.
/** All texts of the layers: they are fetched with their page, not with the first one. */
export const texts = {
  title: (name: string) => `Layers of ${name}`,
  cannotRead: (name: string) => `${name} has no layers to show: what export_slices and export_cli make has, and volumes.`,
  tooLarge: (name: string) => `${name} is too large to be shown: 268 MB at most.`,
  noZip: 'It cannot be shown: it is no zip of layers, or not a whole one.',
  noCli: 'It cannot be shown: it is no Common Layer Interface file, or not a whole one.',
  canvas: (n: number) => `Layer ${n}`,
  controls: 'Layer, height and what it has',
  layer: (count: number) => `Layer, of ${count}`,
  height: 'Height, mm',
  above: 'Height above the bottom of the grid, mm',
  pieces: (outlines: number, holes: number) =>
    `${outlines === 1 ? '1 outline' : `${outlines} outlines`}${holes > 0 ? `, ${holes === 1 ? '1 hole' : `${holes} holes`}` : ''}`,
  keys: (mm: string) => `Drag to move, wheel to zoom. Keys: + and − zoom, F shows all, left and right (up and down with Shift) move. 100 pixels are ${mm} mm.`,
  layerKeys: 'Up and down go to the next layer, Page up and down go on by ten; Home and End go to the lowest and the highest.',
  inSpace: 'In 3-D',
};
