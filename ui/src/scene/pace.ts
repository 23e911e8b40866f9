// How many pixels a picture that moves may have, so that there are enough of them in a second.

/** Milliseconds that a picture may take, and below which the next has more pixels. */
const LONGEST = 34;
const SHORTEST = 22;
/** What it begins with, and the least. */
const PIXELS = 320 * 240;
const LEAST = 120 * 90;

/** Follows how long pictures take to be drawn. */
export class Pace {
  pixels = PIXELS;
  private waiting = 0;

  constructor(private gl: WebGL2RenderingContext) {}

  /** Takes the time of a picture of so many pixels that has just been handed to the card. */
  drawn(pixels: number) {
    if (this.waiting) return;
    const { gl } = this;
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    if (!fence) return;
    gl.flush();
    const begun = performance.now();
    const look = () => {
      const done = gl.getSyncParameter(fence, gl.SYNC_STATUS) === gl.SIGNALED;
      this.waiting = done || gl.isContextLost() ? 0 : requestAnimationFrame(look);
      if (this.waiting) return;
      gl.deleteSync(fence);
      this.adapt(pixels, performance.now() - begun);
    };
    this.waiting = requestAnimationFrame(look);
  }

  private adapt(pixels: number, took: number) {
    if (took >= SHORTEST && took <= LONGEST) return;
    // Not all of the time goes by pixels, and one picture that took long may have waited for something else.
    const factor = took > LONGEST ? Math.max(0.6, LONGEST / took) : 1.25;
    this.pixels = Math.max(LEAST, pixels * factor);
  }

  end() {
    cancelAnimationFrame(this.waiting);
  }
}
