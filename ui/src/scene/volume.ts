// How a volume is drawn: a box whose fragments march through the field to its surface or to the section's plane.
import * as THREE from 'three';
import { bricksOf, EDGE } from './bricks';
import type { Field, Vec } from './field';
import { MARKED, SCALE, STEP } from './thickness';

const glsl = (all: number[]) => `vec3(${all.map((n) => n.toFixed(3)).join(', ')})`;

const VERTEX = `
out vec3 place;
void main() {
  place = position;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}`;

// Samples lie on the faces of the box: sample i of n is at texture coordinate (i + 0.5) / n.
const FRAGMENT = `
precision highp float;
precision highp sampler3D;
in vec3 place;
out vec4 colour;
uniform sampler3D field, bricks;
uniform vec3 brick;
uniform vec3 lower, upper, perMillimetre, shift, cell, eye;
uniform mat4 toClip;
uniform float scale, steepness, contour, most;
uniform vec4 plane;
uniform bool cut, wholePlane;
uniform vec3 paint, inner, outer, line;
// Whether there are colours of thickness, the end of their scale, and below what they are marked.
uniform vec3 walls;

const vec3 SCALE[5] = vec3[5](${SCALE.map(glsl).join(', ')});

float value(vec3 p) {
  return texture(field, p * perMillimetre + shift).r * scale;
}

// A ball of this radius about a point has no value below the greatest.
float empty(vec3 p) {
  float away = 255.0 * texelFetch(bricks, ivec3((p - lower) / brick), 0).r;
  return (away - 1.0) * min(brick.x, min(brick.y, brick.z));
}

vec3 slope(vec3 p) {
  vec3 h = cell;
  vec3 g = vec3(
    value(p + vec3(h.x, 0, 0)) - value(p - vec3(h.x, 0, 0)),
    value(p + vec3(0, h.y, 0)) - value(p - vec3(0, h.y, 0)),
    value(p + vec3(0, 0, h.z)) - value(p - vec3(0, 0, h.z))) / h;
  return g / max(length(g), 1e-9);
}

// How far a ray goes from the surface, inwards, until it comes out again (as in thickness.ts).
float thickness(vec3 p, vec3 inward) {
  float least = ${STEP} * min(cell.x, min(cell.y, cell.z));
  float t = 0.0, d = 0.0;
  // Not zero, where a ray goes along an axis.
  vec3 way = inward + 1e-20;
  vec3 leaves = max((lower - p) / way, (upper - p) / way);
  float far = min(min(leaves.x, min(leaves.y, leaves.z)), max(walls.y, walls.z));
  for (int i = 0; i < 1500 && t < far; i++) {
    float before = t, was = d;
    t = min(far, t + max(least, 0.95 * -d / steepness));
    d = value(p + t * inward);
    if (d >= 0.0) return before + (t - before) * was / min(was - d, -1e-12);
  }
  return t;
}

vec3 ofThickness(float t) {
  if (t < walls.z) return ${glsl(MARKED)};
  float place = 4.0 * clamp(t / walls.y, 0.0, 1.0);
  int from = min(int(place), 3);
  return mix(SCALE[from], SCALE[from + 1], place - float(from));
}

// The surface at a point of it: by its normal, which is that of the box where the shape goes on behind it.
vec3 surface(vec3 p, vec3 normal, vec3 ray) {
  vec3 base = paint;
  if (walls.x > 0.0) {
    vec3 srgb = ofThickness(thickness(p, -normal));
    base = mix(srgb / 12.92, pow((srgb + 0.055) / 1.055, vec3(2.4)), step(0.04045, srgb));
  }
  // A light beside the eye and one from above, so that no face is black.
  float front = abs(dot(normal, ray));
  float above = 0.5 + 0.5 * normal.z;
  return base * (0.25 + 0.55 * front + 0.25 * above);
}

// What the section shows at a point of its plane: lines of equal value, the surface itself, inside and outside.
vec3 onPlane(float d) {
  float width = max(fwidth(d), 1e-9);
  float near = abs(fract(d / contour - 0.5) - 0.5) * contour;
  vec3 ground = d < 0.0 ? inner : outer;
  float thin = 1.0 - smoothstep(0.6 * width, 1.4 * width, near);
  float thick = 1.0 - smoothstep(1.2 * width, 2.4 * width, abs(d));
  // Lines that would lie closer than four pixels are left out.
  float dense = smoothstep(4.0, 8.0, contour / width);
  return mix(mix(ground, line, 0.45 * thin * dense), line, thick);
}

void main() {
  vec3 ray = normalize(place - eye);
  vec3 a = (lower - eye) / ray, b = (upper - eye) / ray;
  vec3 first = min(a, b), last = max(a, b);
  float near = max(max(first.x, first.y), max(first.z, 0.0));
  float far = min(last.x, min(last.y, last.z));
  vec3 normal = near == first.x ? vec3(1, 0, 0) : near == first.y ? vec3(0, 1, 0) : vec3(0, 0, 1);
  float least = 0.7 * min(cell.x, min(cell.y, cell.z));

  // The plane: what lies on its positive side is cut away.
  float planeAt = -1.0;
  bool starts = false;
  if (cut) {
    float side = dot(plane.xyz, eye) - plane.w;
    float slant = dot(plane.xyz, ray);
    float t = abs(slant) < 1e-9 ? -1.0 : -side / slant;
    bool within = t >= near && t <= far;
    if (side + slant * near > 0.0) {
      if (slant >= 0.0 || t > far) discard;
      starts = true;
      planeAt = t;
      near = t;
      normal = plane.xyz;
    } else if (slant > 0.0 && within) {
      far = t;
    }
  }
  float atPlane = value(eye + ray * near);
  vec3 section = vec3(0);
  if (cut) section = onPlane(atPlane);
  float t = near;
  float d = atPlane;
  vec3 found = vec3(0);
  bool hit = false, surfaceHit = false;
  if (starts && (d <= 0.0 || wholePlane)) {
    found = section;
    hit = true;
  } else if (d <= 0.0) {
    found = surface(eye + ray * t, dot(normal, ray) < 0.0 ? normal : -normal, ray);
    hit = true;
  }
  // The ray in the coordinates of the texture.
  vec3 from = eye * perMillimetre + shift, by = ray * perMillimetre;
  float reach = 0.95 / steepness, before = t, was = d;
  for (int i = 0; i < 1500 && !hit && t < far; i++) {
    before = t;
    was = d;
    t += max(least, reach * d);
    // Where there is nothing all about, it may be far to the next brick that is not empty.
    if (d >= most) t = max(t, before + empty(eye + ray * before));
    t = min(t, far);
    d = texture(field, from + by * t).r * scale;
    hit = d <= 0.0;
    surfaceHit = hit;
  }
  if (surfaceHit) {
    t = before + (t - before) * was / max(was - d, 1e-12);
    found = surface(eye + ray * t, slope(eye + ray * t), ray);
  }
  if (!hit) discard;
  // Colours come as linear light.
  colour = linearToOutputTexel(vec4(found, 1.0));
  vec4 clip = toClip * vec4(eye + ray * t, 1.0);
  gl_FragDepth = 0.5 + 0.5 * clip.z / clip.w;
}`;

export interface Colours {
  paint: THREE.Color;
  inner: THREE.Color;
  outer: THREE.Color;
  line: THREE.Color;
}

/** The field as a texture: int8 as it is; float32 where the card filters it, else as float16. */
function textureOf(field: Field, filtersFloats: boolean): THREE.Data3DTexture {
  const { samples, patch } = field;
  let data: Float32Array | Int8Array | Uint16Array = samples;
  if (samples instanceof Float32Array && !filtersFloats) data = Uint16Array.from(samples, (v) => THREE.DataUtils.toHalfFloat(v));
  const texture = new THREE.Data3DTexture(data as Float32Array<ArrayBuffer>, ...patch.resolution);
  texture.format = THREE.RedFormat;
  if (data instanceof Int8Array) {
    texture.type = THREE.ByteType;
    texture.internalFormat = 'R8_SNORM';
  } else {
    texture.type = data instanceof Float32Array ? THREE.FloatType : THREE.HalfFloatType;
  }
  texture.minFilter = texture.magFilter = THREE.LinearFilter;
  texture.unpackAlignment = 1;
  texture.needsUpdate = true;
  return texture;
}

/** How far empty space reaches, brick by brick; floats say that themselves. */
function emptiness({ patch, samples }: Field) {
  const { away, count } = samples instanceof Int8Array ? bricksOf(patch, samples) : { away: new Uint8Array(1), count: [1, 1, 1] };
  const texture = new THREE.Data3DTexture(away as Uint8Array<ArrayBuffer>, ...(count as [number, number, number]));
  texture.format = THREE.RedFormat;
  texture.unpackAlignment = 1;
  texture.needsUpdate = true;
  return texture;
}

/** A box to draw the field in; its uniforms are kept up to date by the stage. */
export function volumeMesh(field: Field, colours: Colours, filtersFloats: boolean) {
  const { offset, size, resolution } = field.patch;
  const lower = new THREE.Vector3(...offset);
  const extent = new THREE.Vector3(...size);
  const box = new THREE.BoxGeometry(extent.x || 1e-6, extent.y || 1e-6, extent.z || 1e-6);
  const middle = lower.clone().addScaledVector(extent, 0.5);
  box.translate(middle.x, middle.y, middle.z);
  const perMillimetre = resolution.map((n, a) => (n - 1) / n / (size[a]! || 1e-9)) as Vec;
  const uniforms = {
    field: { value: textureOf(field, filtersFloats) },
    bricks: { value: emptiness(field) },
    // A cell that has no extent on an axis is divided by, all the same.
    brick: { value: new THREE.Vector3(...field.cell.map((c) => EDGE * c || 1e9)) },
    // Within rounding.
    most: { value: field.samples instanceof Int8Array ? 126.9 * field.scale : 1e30 },
    lower: { value: lower },
    upper: { value: lower.clone().add(extent) },
    // From a point to the coordinates of its sample in the texture: sample i of n is at (i + 0.5) / n.
    perMillimetre: { value: new THREE.Vector3(...perMillimetre) },
    shift: { value: new THREE.Vector3(...resolution.map((n, a) => 0.5 / n - offset[a]! * perMillimetre[a]!)) },
    cell: { value: new THREE.Vector3(...field.cell) },
    // A signed normalised texel reads as sample / 127.
    scale: { value: field.samples instanceof Int8Array ? field.scale * 127 : field.scale },
    steepness: { value: field.steepness },
    eye: { value: new THREE.Vector3() },
    toClip: { value: new THREE.Matrix4() },
    plane: { value: new THREE.Vector4(0, 0, 1, 0) },
    cut: { value: false },
    wholePlane: { value: false },
    contour: { value: 1 },
    walls: { value: new THREE.Vector3() },
    paint: { value: colours.paint },
    inner: { value: colours.inner },
    outer: { value: colours.outer },
    line: { value: colours.line },
  };
  const material = new THREE.ShaderMaterial({
    glslVersion: THREE.GLSL3,
    vertexShader: VERTEX,
    fragmentShader: FRAGMENT,
    uniforms,
    // Seen from inside, too: a ray is drawn where it leaves the box.
    side: THREE.BackSide,
  });
  return new THREE.Mesh(box, material);
}
