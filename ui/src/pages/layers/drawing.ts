// A layer on a canvas: where one looks, and its pictures or contours drawn there.
import type { Layer, Stack } from './stack';

export interface Eye {
  /** What is in the middle of the window, mm, y upwards. */
  x: number;
  y: number;
  /** How much larger than when all of it fits. */
  zoom: number;
}

export const whole = ({ min, max }: Stack): Eye => ({ x: (min[0] + max[0]) / 2, y: (min[1] + max[1]) / 2, zoom: 1 });

/** Pixels of a millimetre. */
export function scaleOf({ min, max }: Stack, { zoom }: Eye, width: number, height: number): number {
  const [w, h] = [Math.max(max[0] - min[0], 1e-9), Math.max(max[1] - min[1], 1e-9)];
  return 0.94 * zoom * Math.min(width / w, height / h);
}

export function draw(canvas: HTMLCanvasElement, stack: Stack, layer: Layer | undefined, eye: Eye) {
  const dots = Math.min(devicePixelRatio, 2);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  [canvas.width, canvas.height] = [Math.round(width * dots), Math.round(height * dots)];
  const context = canvas.getContext('2d')!;
  const colour = (name: string) => getComputedStyle(canvas).getPropertyValue(name);
  const scale = scaleOf(stack, eye, width, height);
  // From millimetres, y upwards, to dots, y downwards.
  context.setTransform(dots * scale, 0, 0, -dots * scale, dots * (width / 2 - eye.x * scale), dots * (height / 2 + eye.y * scale));
  const [x, y] = stack.min;
  const [w, h] = [stack.max[0] - x, stack.max[1] - y];
  context.fillStyle = colour('--sunk');
  context.fillRect(x, y, w, h);
  if (layer?.picture) {
    context.save();
    context.scale(1, -1);
    // Pixels are seen as such once they are larger than the screen's.
    context.imageSmoothingEnabled = (scale * w) / layer.picture.width < 2;
    context.drawImage(layer.picture, x, -y - h, w, h);
    context.restore();
  }
  context.lineWidth = 1 / scale;
  if (layer?.contours) {
    const path = new Path2D();
    for (const contour of layer.contours) {
      contour.forEach((n, i) => i % 2 && path[i === 1 ? 'moveTo' : 'lineTo'](contour[i - 1]!, n));
      path.closePath();
    }
    context.fillStyle = colour('--matter');
    context.fill(path, 'evenodd');
    context.strokeStyle = colour('--ink');
    context.stroke(path);
  }
  context.strokeStyle = colour('--line');
  context.strokeRect(x, y, w, h);
}
