// The scene: camera, what is shown, the section's plane, the points that are measured. It draws when something has changed, coarser while it moves.
import * as THREE from 'three';
import { OrbitControls } from 'three/examples/jsm/controls/OrbitControls.js';
import { Field, type Vec } from './field';
import { meshGroup } from './mesh';
import type { Eye, Section } from './state';
import { Pace } from './pace';
import { thicknessAt, type Thickness } from './thickness';
import { volumeMesh, type Colours } from './volume';

export interface Found {
  point: Vec;
  /** Of a field, at a point of the section. */
  value: number | null;
  onSection: boolean;
  /** Of the wall whose surface this is, mm, while colours show it. */
  thickness?: number | null;
}

const AXES = { x: new THREE.Vector3(1, 0, 0), y: new THREE.Vector3(0, 1, 0), z: new THREE.Vector3(0, 0, 1) };
/** Round and above, degrees, for the keys 1 to 7: front, back, left, right, top, bottom, from a corner. */
export const VIEWS: [number, number][] = [[-90, 0], [90, 0], [180, 0], [0, 0], [-90, 89.9], [-90, -89.9], [-50, 25]];
/** How far away, in sizes of the thing, all of it is in the picture: half of it over the sine of half the camera's angle (35°), and a little room. */
const FIT = 1.7;
/** Milliseconds after the last movement until the full picture. */
const SETTLE = 90;
/** Pixels of a window's height below which pins grow. */
const LOW = 560;

export class Stage {
  readonly renderer: THREE.WebGLRenderer;
  private scene = new THREE.Scene();
  private camera = new THREE.PerspectiveCamera(35, 1, 0.1, 1000);
  private controls: OrbitControls;
  private plane = new THREE.Plane();
  private bounds = new THREE.Box3();
  private field?: Field;
  private volume?: ReturnType<typeof volumeMesh>;
  private solid?: ReturnType<typeof meshGroup>;
  private section?: Section;
  private thickness?: Thickness;
  private marks = new THREE.Group();
  private pins = new THREE.Group();
  private asked = 0;
  private timer = 0;
  private moving = false;
  private pace: Pace;
  /** Of the pace, when it was last sized. */
  private pixels = 0;
  private sized = '';
  private ahead?: ReturnType<typeof volumeMesh>;
  private resized: ResizeObserver;

  constructor(
    private canvas: HTMLCanvasElement,
    private colours: Colours,
    private moved: (eye: Eye) => void,
    /** A volume's edges are found by its shader: smoothing by the card would only cost time. */
    antialias = true,
  ) {
    this.renderer = new THREE.WebGLRenderer({ canvas, alpha: true, antialias, stencil: true });
    this.pace = new Pace(this.renderer.getContext() as WebGL2RenderingContext);
    this.renderer.localClippingEnabled = true;
    this.camera.up.set(0, 0, 1);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.addEventListener('change', () => this.move());
    const light = new THREE.DirectionalLight(0xffffff, 2);
    light.position.set(0.4, 0.5, 1);
    this.camera.add(light);
    this.scene.add(this.camera, this.marks, this.pins, new THREE.HemisphereLight(0xffffff, 0x8899aa, 1.6));
    this.resized = new ResizeObserver(() => this.fit());
    this.resized.observe(canvas.parentElement!);
    this.fit();
  }

  /** Has the card translate what draws fields, while these are still on their way. */
  prepareField() {
    this.ahead = volumeMesh(new Field({ size: [1, 1, 1], offset: [0, 0, 0], resolution: [2, 2, 2] }, new Int8Array(8), 1), this.colours, false);
    this.renderer.compile(this.ahead, this.camera, this.scene);
  }

  showMesh(geometry: THREE.BufferGeometry) {
    geometry.computeBoundingBox();
    this.bounds.copy(geometry.boundingBox!);
    this.solid = meshGroup(geometry, this.colours, this.plane);
    this.scene.add(this.solid.group);
    this.draw();
  }

  /** Shows a field, in place of the one that was shown; the camera stays. */
  showField(field: Field) {
    this.dropVolume();
    this.field = field;
    const [lower, size] = [new THREE.Vector3(...field.patch.offset), new THREE.Vector3(...field.patch.size)];
    this.bounds.set(lower, lower.clone().add(size));
    const filters = this.renderer.extensions.has('OES_texture_float_linear');
    this.volume = volumeMesh(field, this.colours, filters);
    this.scene.add(this.volume);
    this.lens();
    if (this.section) this.setSection(this.section);
    if (this.thickness) this.setThickness(this.thickness);
    this.draw();
  }

  private dropVolume(volume = this.volume) {
    if (!volume) return;
    const { geometry, material } = volume;
    this.scene.remove(volume);
    for (const name of ['field', 'bricks'] as const) material.uniforms[name]!.value.dispose();
    geometry.dispose();
    material.dispose();
    this.volume = undefined;
  }

  get box() {
    return { min: this.bounds.min.toArray() as Vec, max: this.bounds.max.toArray() as Vec };
  }
  private get extent() {
    return Math.max(this.bounds.getSize(new THREE.Vector3()).length(), 1e-6);
  }

  /** From how many times as far away a window that is higher than wide has to be looked through, so that a ball that would fill its height fits its width. */
  private get narrowness() {
    const high = THREE.MathUtils.degToRad(this.camera.fov / 2);
    const wide = Math.atan(Math.tan(high) * this.camera.aspect);
    return Math.sin(high) / Math.sin(Math.min(high, wide));
  }

  /** Whether the camera is on the side of the plane that has the greater coordinates. */
  isBeyond(axis: Section['axis'], offset: number): boolean {
    return this.camera.position[axis] > offset;
  }

  lookFrom(eye: Eye) {
    const distance = eye.far * this.extent * this.narrowness;
    const [round, above] = [THREE.MathUtils.degToRad(eye.round), THREE.MathUtils.degToRad(eye.above)];
    const away = new THREE.Vector3(Math.cos(above) * Math.cos(round), Math.cos(above) * Math.sin(round), Math.sin(above));
    this.controls.target.set(...eye.target);
    this.camera.position.copy(this.controls.target).addScaledVector(away, distance);
    this.lens();
    this.controls.update();
    this.draw();
  }

  private lens() {
    this.camera.near = this.extent / 1000;
    this.camera.far = this.extent * 30;
    this.camera.updateProjectionMatrix();
  }

  /** All of it, from one of the views. */
  look(view: number) {
    const [round, above] = VIEWS[view]!;
    this.lookFrom({ round, above, far: FIT, target: this.bounds.getCenter(new THREE.Vector3()).toArray() });
    this.move();
  }

  get eye(): Eye {
    const away = this.camera.position.clone().sub(this.controls.target);
    const round = THREE.MathUtils.radToDeg(Math.atan2(away.y, away.x));
    const above = THREE.MathUtils.radToDeg(Math.asin(away.z / Math.max(away.length(), 1e-9)));
    return { round, above, far: away.length() / (this.extent * this.narrowness), target: this.controls.target.toArray() };
  }

  turn(round: number, above: number) {
    const eye = this.eye;
    this.lookFrom({ ...eye, round: eye.round + round, above: Math.max(-89.9, Math.min(89.9, eye.above + above)) });
    this.move();
  }
  zoom(factor: number) {
    const eye = this.eye;
    this.lookFrom({ ...eye, far: eye.far * factor });
    this.move();
  }

  setSection(section: Section) {
    this.section = section;
    const sign = section.flipped ? -1 : 1;
    const normal = AXES[section.axis].clone().multiplyScalar(sign);
    // three.js keeps what lies on the positive side of a plane.
    this.plane.set(normal.clone().negate(), sign * section.offset);
    if (this.solid) {
      const { cap, stencils, material } = this.solid;
      cap.visible = stencils.visible = section.on;
      material.clippingPlanes = section.on ? [this.plane] : [];
      cap.position.copy(this.bounds.getCenter(new THREE.Vector3()));
      cap.position[section.axis] = section.offset;
      cap.scale.setScalar(this.extent * 1.1);
      cap.lookAt(cap.position.clone().add(normal));
    }
    if (this.volume) {
      const { uniforms } = this.volume.material;
      uniforms.cut!.value = section.on;
      uniforms.wholePlane!.value = section.values;
      (uniforms.plane!.value as THREE.Vector4).set(normal.x, normal.y, normal.z, sign * section.offset);
    }
    this.draw();
  }

  setContour(distance: number) {
    if (this.volume) this.volume.material.uniforms.contour!.value = distance;
    this.draw();
  }

  setThickness(thickness: Thickness) {
    this.thickness = thickness;
    const { on, most, limit } = thickness;
    (this.volume?.material.uniforms.walls!.value as THREE.Vector3 | undefined)?.set(on ? 1 : 0, most, limit);
    this.draw();
  }

  /** What is under a place of the window: the section first, else the surface. */
  find(x: number, y: number): Found | null {
    const frame = this.canvas.getBoundingClientRect();
    const place = new THREE.Vector2(((x - frame.left) / frame.width) * 2 - 1, 1 - ((y - frame.top) / frame.height) * 2);
    const caster = new THREE.Raycaster();
    // The camera may have moved since the last frame.
    this.camera.updateMatrixWorld();
    caster.setFromCamera(place, this.camera);
    const { origin, direction } = caster.ray;
    const { section } = this;
    let near = this.bounds.distanceToPoint(origin);
    let far = near + 3 * this.extent;
    if (section?.on) {
      const t = caster.ray.distanceToPlane(this.plane);
      const cutAway = this.plane.distanceToPoint(origin) < 0;
      if (cutAway && t === null) return null;
      if (cutAway) {
        const point = caster.ray.at(t!, new THREE.Vector3());
        const value = this.field?.at(point.toArray()) ?? null;
        if (value !== null && (value <= 0 || section.values)) return { point: point.toArray(), value, onSection: true };
        near = Math.max(near, t!);
      } else if (t !== null) {
        far = Math.min(far, t);
      }
    }
    if (this.field) {
      const point = this.field.hit(origin.toArray(), direction.toArray(), near, far);
      const thickness = point && this.thickness?.on ? thicknessAt(this.field, point) : undefined;
      return point && { point, value: null, onSection: false, thickness };
    }
    if (!this.solid) return null;
    const hits = caster.intersectObject(this.solid.mesh, false);
    const seen = hits.find(({ point }) => !section?.on || this.plane.distanceToPoint(point) >= 0);
    const onCap = section?.on ? caster.intersectObject(this.solid.cap, false)[0] : undefined;
    const inside = hits.filter(({ distance }) => onCap && distance > onCap.distance).length % 2 === 1;
    if (onCap && inside && (!seen || onCap.distance < seen.distance)) return { point: onCap.point.toArray(), value: null, onSection: true };
    return seen ? { point: seen.point.toArray(), value: null, onSection: false } : null;
  }

  /** Draws the points that are measured, and the line between two. */
  mark(points: Vec[]) {
    this.marks.clear();
    for (const point of points) this.marks.add(this.ball(point, this.extent / 160, 0xff6a00));
    if (points.length > 1) {
      const ends = points.map((p) => new THREE.Vector3(...p));
      const line = new THREE.Line(new THREE.BufferGeometry().setFromPoints(ends), new THREE.LineBasicMaterial({ color: 0xff6a00, depthTest: false }));
      line.renderOrder = 10;
      this.marks.add(line);
    }
    this.draw();
  }

  /** Draws places that one is told of, the chosen one larger. */
  pin(places: Vec[], chosen: number) {
    this.pins.clear();
    // In a low window they would be too small to be seen.
    const size = this.extent * Math.max(1, LOW / this.canvas.clientHeight);
    places.forEach((at, i) => {
      if (i === chosen) this.pins.add(this.ball(at, size / 90, 0xffffff, 10));
      this.pins.add(this.ball(at, size / (i === chosen ? 120 : 160), 0xd0021b, 11));
    });
    this.draw();
  }

  private ball(at: Vec, radius: number, color: number, order = 10) {
    const ball = new THREE.Mesh(new THREE.SphereGeometry(radius), new THREE.MeshBasicMaterial({ color, depthTest: false }));
    ball.position.set(...at);
    ball.renderOrder = order;
    return ball;
  }

  /** Goes near a place, so that it is in the middle of what one sees, and gives the section that cuts it open across where one looks. */
  goTo(at: Vec, section: Section): Section {
    this.reveal();
    const { far, ...eye } = this.eye;
    this.lookFrom({ ...eye, far: Math.min(far, 0.5), target: at });
    this.move();
    const away = this.camera.position.clone().sub(this.controls.target);
    const axis = (['x', 'y', 'z'] as const).reduce((most, axis) => (Math.abs(away[axis]) > Math.abs(away[most]) ? axis : most));
    const offset = Number(at['xyz'.indexOf(axis)]!.toPrecision(6));
    return { ...section, on: true, axis, offset, flipped: !this.isBeyond(axis, offset) };
  }

  /** Scrolls the page to the picture where a part of it is outside of the window: to all of it, or to its middle in a window that is lower. */
  private reveal() {
    const { top, bottom } = this.canvas.getBoundingClientRect();
    if (top >= 0 && bottom <= innerHeight) return;
    this.canvas.scrollIntoView({ block: bottom - top <= innerHeight ? 'nearest' : 'center' });
  }

  picture(): Promise<Blob | null> {
    this.render();
    return new Promise((done) => this.canvas.toBlob(done, 'image/png'));
  }

  end() {
    cancelAnimationFrame(this.asked);
    clearTimeout(this.timer);
    this.resized.disconnect();
    this.pace.end();
    this.controls.dispose();
    this.dropVolume();
    this.dropVolume(this.ahead);
    this.scene.traverse((part) => {
      const { geometry, material } = part as THREE.Mesh;
      geometry?.dispose();
      for (const one of [material].flat()) one?.dispose();
    });
    this.renderer.dispose();
  }

  /** Draws before the next frame. */
  draw() {
    cancelAnimationFrame(this.asked);
    this.asked = requestAnimationFrame(() => this.render());
  }

  private move() {
    const begins = !this.moving;
    this.moving = true;
    if (begins || this.pixels !== this.pace.pixels) this.size();
    this.draw();
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.moving = false;
      this.size();
      this.draw();
      // Told of once the picture is on its way.
      requestAnimationFrame(() => this.moving || this.moved(this.eye));
    }, SETTLE);
  }

  private fit() {
    this.size();
    const { width, height } = this.canvas.parentElement!.getBoundingClientRect();
    const aspect = Math.max(1, width) / Math.max(1, height);
    if (aspect === this.camera.aspect) return this.draw();
    const eye = this.eye;
    this.camera.aspect = aspect;
    this.camera.updateProjectionMatrix();
    // What fitted into the window before fits into it as it is now.
    if (!this.bounds.isEmpty()) this.lookFrom(eye);
    this.draw();
  }

  private size() {
    const { width, height } = this.canvas.parentElement!.getBoundingClientRect();
    const full = Math.min(devicePixelRatio, 2);
    this.pixels = this.pace.pixels;
    const few = Math.sqrt(this.pixels / Math.max(1, width * height));
    const ratio = this.moving && this.volume ? Math.min(full, few) : full;
    // A canvas that is given a size, even its own, gets new memory, which takes as long as a frame.
    const sized = `${width} ${height} ${ratio}`;
    if (sized !== this.sized) this.renderer.setDrawingBufferSize(width, height, ratio);
    this.sized = sized;
  }

  private render() {
    if (this.volume) {
      const { uniforms } = this.volume.material;
      this.camera.updateMatrixWorld();
      (uniforms.eye!.value as THREE.Vector3).copy(this.camera.position);
      (uniforms.toClip!.value as THREE.Matrix4).multiplyMatrices(this.camera.projectionMatrix, this.camera.matrixWorldInverse);
    }
    this.renderer.render(this.scene, this.camera);
    if (this.moving && this.volume) this.pace.drawn(this.canvas.width * this.canvas.height);
  }
}
