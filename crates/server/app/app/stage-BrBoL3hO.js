import{t as e}from"./index-DIxTiqJl.js";import{A as t,B as n,C as r,D as i,E as a,F as o,I as s,L as c,M as l,N as u,O as d,S as f,T as p,_ as m,a as h,b as g,c as _,d as v,f as y,g as b,h as x,j as S,k as C,l as ee,m as te,o as w,s as T,t as E,v as D,w as O,y as k,z as A}from"./three-BvM_XY-y.js";import{t as j}from"./field-LQeKLPpR.js";import{n as M}from"./mesh-DL04C_3C.js";function N(){let t=getComputedStyle(document.documentElement).colorScheme===`dark`||e()===`system`&&matchMedia(`(prefers-color-scheme: dark)`).matches,n=e=>new p(e);return t?{paint:n(`#7fb0b8`),inner:n(`#c98a4b`),outer:n(`#26323a`),line:n(`#f3f6f8`)}:{paint:n(`#6d99a3`),inner:n(`#e2a968`),outer:n(`#dfe7ea`),line:n(`#1b2a33`)}}var P={ArrowLeft:e=>e.turn(-10,0),ArrowRight:e=>e.turn(10,0),ArrowUp:e=>e.turn(0,10),ArrowDown:e=>e.turn(0,-10),"+":e=>e.zoom(1/1.2),"=":e=>e.zoom(1/1.2),"-":e=>e.zoom(1.2),f:e=>e.look(6),...Object.fromEntries([1,2,3,4,5,6,7].map(e=>[String(e),t=>t.look(e-1)]))};function F(e,t){let n=P[t.key];!n||!e||t.ctrlKey||t.metaKey||t.altKey||(t.preventDefault(),n(e))}var I=34,L=22,R=76800,z=10800,B=class{gl;pixels=R;waiting=0;constructor(e){this.gl=e}drawn(e){if(this.waiting)return;let{gl:t}=this,n=t.fenceSync(t.SYNC_GPU_COMMANDS_COMPLETE,0);if(!n)return;t.flush();let r=performance.now(),i=()=>{let a=t.getSyncParameter(n,t.SYNC_STATUS)===t.SIGNALED;this.waiting=a||t.isContextLost()?0:requestAnimationFrame(i),this.waiting||(t.deleteSync(n),this.adapt(e,performance.now()-r))};this.waiting=requestAnimationFrame(i)}adapt(e,t){if(t>=L&&t<=I)return;let n=t>I?Math.max(.6,I/t):1.25;this.pixels=Math.max(z,e*n)}end(){cancelAnimationFrame(this.waiting)}},V=[[.27,0,.33],[.23,.32,.55],[.13,.57,.55],[.37,.79,.38],[.99,.91,.14]],H=[.86,.08,.24],U=.35;function ne(e,t){let{offset:n,size:r}=e.patch,i=t.map((i,a)=>{let[o,s]=[-1,1].map(i=>{let o=[...t];return o[a]=Math.max(n[a],Math.min(n[a]+r[a],t[a]+i*e.cell[a])),o}),c=s[a]-o[a];return c>0?((e.at(s)??0)-(e.at(o)??0))/c:0}),a=Math.hypot(...i);return a>0?i.map(e=>e/a):null}function W(e,t){let n=ne(e,t);if(!n)return null;let r=r=>e.at(t.map((e,t)=>e-r*n[t]))??-1,i=U*e.smallestCell,{offset:a,size:o}=e.patch,s=Math.min(...n.map((e,n)=>e===0?1/0:(t[n]-a[n]-(e<0?o[n]:0))/e));for(let t=0,n=0;t<s;){let[a,o]=[t,n];if(t=Math.min(s,t+Math.max(i,.95*-n/e.steepness)),n=r(t),n>=0)return a+(t-a)*o/Math.min(o-n,-1e-12)}return Math.max(0,s)}var G=127,K=15,q=16;function J({resolution:e},t){let[n,r,i]=e,a=e.map(e=>Math.max(1,Math.ceil((e-1)/8))),[o,s,c]=a,l=new Uint8Array(o*s*c).fill(q),u=new Uint8Array(o+1);for(let e=0,a=0;e<i;e++)for(let i=0;i<r;i++){u.fill(0);for(let e=0;e<n;e++,a++)t[a]!==G&&(u[e>>3]=1,!(e&7)&&e>0&&(u[(e>>3)-1]=1));for(let t of Y(e,c))for(let e of Y(i,s)){let n=(t*s+e)*o;for(let e=0;e<o;e++)u[e]&&(l[n+e]=0)}}return X(l,a),{away:l,count:a}}function Y(e,t){let n=Math.min(e>>3,t-1);return!(e&7)&&e>0&&n===e>>3?[n-1,n]:[n]}function X(e,[t,n,r]){let i=e.map(e=>+(e===0)),a=[[1,t],[t,n],[t*n,r]];for(let t=1;t<=K;t++){for(let[e,t]of a){let n=i.slice();for(let r=0;r<n.length;r++){let a=Math.floor(r/e)%t;(a>0&&i[r-e]||a+1<t&&i[r+e])&&(n[r]=1)}i=n}i.forEach((n,r)=>n&&e[r]===q&&(e[r]=t))}}var Z=e=>`vec3(${e.map(e=>e.toFixed(3)).join(`, `)})`,re=`
out vec3 place;
void main() {
  place = position;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}`,ie=`
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

const vec3 SCALE[5] = vec3[5](${V.map(Z).join(`, `)});

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
  float least = ${U} * min(cell.x, min(cell.y, cell.z));
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
  if (t < walls.z) return ${Z(H)};
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
}`;function ae(e,t){let{samples:r,patch:i}=e,a=r;r instanceof Float32Array&&!t&&(a=Uint16Array.from(r,e=>f.toHalfFloat(e)));let s=new d(a,...i.resolution);return s.format=n,a instanceof Int8Array?(s.type=u,s.internalFormat=`R8_SNORM`):s.type=a instanceof Float32Array?o:c,s.minFilter=s.magFilter=A,s.unpackAlignment=1,s.needsUpdate=!0,s}function oe({patch:e,samples:t}){let{away:r,count:i}=t instanceof Int8Array?J(e,t):{away:new Uint8Array(1),count:[1,1,1]},a=new d(r,...i);return a.format=n,a.unpackAlignment=1,a.needsUpdate=!0,a}function Q(e,n,r){let{offset:a,size:o,resolution:c}=e.patch,l=new t(...a),u=new t(...o),d=new te(u.x||1e-6,u.y||1e-6,u.z||1e-6),f=l.clone().addScaledVector(u,.5);d.translate(f.x,f.y,f.z);let p=c.map((e,t)=>(e-1)/e/(o[t]||1e-9)),h={field:{value:ae(e,r)},bricks:{value:oe(e)},brick:{value:new t(...e.cell.map(e=>8*e||1e9))},most:{value:e.samples instanceof Int8Array?126.9*e.scale:1e30},lower:{value:l},upper:{value:l.clone().add(u)},perMillimetre:{value:new t(...p)},shift:{value:new t(...c.map((e,t)=>.5/e-a[t]*p[t]))},cell:{value:new t(...e.cell)},scale:{value:e.samples instanceof Int8Array?e.scale*127:e.scale},steepness:{value:e.steepness},eye:{value:new t},toClip:{value:new i},plane:{value:new C(0,0,1,0)},cut:{value:!1},wholePlane:{value:!1},contour:{value:1},walls:{value:new t},paint:{value:n.paint},inner:{value:n.inner},outer:{value:n.outer},line:{value:n.line}},g=new v({glslVersion:s,vertexShader:re,fragmentShader:ie,uniforms:h,side:1});return new m(d,g)}var $={x:new t(1,0,0),y:new t(0,1,0),z:new t(0,0,1)},se=[[-90,0],[90,0],[180,0],[0,0],[-90,89.9],[-90,-89.9],[-50,25]],ce=1.7,le=90,ue=560,de=class{canvas;colours;moved;renderer;scene=new O;camera=new _(35,1,.1,1e3);controls;plane=new k;bounds=new r;field;volume;solid;section;thickness;marks=new a;pins=new a;asked=0;timer=0;moving=!1;pace;pixels=0;sized=``;ahead;resized;constructor(e,t,n,r=!0){this.canvas=e,this.colours=t,this.moved=n,this.renderer=new h({canvas:e,alpha:!0,antialias:r,stencil:!0}),this.pace=new B(this.renderer.getContext()),this.renderer.localClippingEnabled=!0,this.camera.up.set(0,0,1),this.controls=new E(this.camera,e),this.controls.addEventListener(`change`,()=>this.move());let i=new T(16777215,2);i.position.set(.4,.5,1),this.camera.add(i),this.scene.add(this.camera,this.marks,this.pins,new ee(16777215,8952234,1.6)),this.resized=new ResizeObserver(()=>this.fit()),this.resized.observe(e.parentElement),this.fit()}prepareField(){this.ahead=Q(new j({size:[1,1,1],offset:[0,0,0],resolution:[2,2,2]},new Int8Array(8),1),this.colours,!1),this.renderer.compile(this.ahead,this.camera,this.scene)}showMesh(e){e.computeBoundingBox(),this.bounds.copy(e.boundingBox),this.solid=M(e,this.colours,this.plane),this.scene.add(this.solid.group),this.draw()}showField(e){this.dropVolume(),this.field=e;let[n,r]=[new t(...e.patch.offset),new t(...e.patch.size)];this.bounds.set(n,n.clone().add(r));let i=this.renderer.extensions.has(`OES_texture_float_linear`);this.volume=Q(e,this.colours,i),this.scene.add(this.volume),this.lens(),this.section&&this.setSection(this.section),this.thickness&&this.setThickness(this.thickness),this.draw()}dropVolume(e=this.volume){if(!e)return;let{geometry:t,material:n}=e;this.scene.remove(e);for(let e of[`field`,`bricks`])n.uniforms[e].value.dispose();t.dispose(),n.dispose(),this.volume=void 0}get box(){return{min:this.bounds.min.toArray(),max:this.bounds.max.toArray()}}get extent(){return Math.max(this.bounds.getSize(new t).length(),1e-6)}get narrowness(){let e=l.degToRad(this.camera.fov/2),t=Math.atan(Math.tan(e)*this.camera.aspect);return Math.sin(e)/Math.sin(Math.min(e,t))}isBeyond(e,t){return this.camera.position[e]>t}lookFrom(e){let n=e.far*this.extent*this.narrowness,[r,i]=[l.degToRad(e.round),l.degToRad(e.above)],a=new t(Math.cos(i)*Math.cos(r),Math.cos(i)*Math.sin(r),Math.sin(i));this.controls.target.set(...e.target),this.camera.position.copy(this.controls.target).addScaledVector(a,n),this.lens(),this.controls.update(),this.draw()}lens(){this.camera.near=this.extent/1e3,this.camera.far=this.extent*30,this.camera.updateProjectionMatrix()}look(e){let[n,r]=se[e];this.lookFrom({round:n,above:r,far:ce,target:this.bounds.getCenter(new t).toArray()}),this.move()}get eye(){let e=this.camera.position.clone().sub(this.controls.target);return{round:l.radToDeg(Math.atan2(e.y,e.x)),above:l.radToDeg(Math.asin(e.z/Math.max(e.length(),1e-9))),far:e.length()/(this.extent*this.narrowness),target:this.controls.target.toArray()}}turn(e,t){let n=this.eye;this.lookFrom({...n,round:n.round+e,above:Math.max(-89.9,Math.min(89.9,n.above+t))}),this.move()}zoom(e){let t=this.eye;this.lookFrom({...t,far:t.far*e}),this.move()}setSection(e){this.section=e;let n=e.flipped?-1:1,r=$[e.axis].clone().multiplyScalar(n);if(this.plane.set(r.clone().negate(),n*e.offset),this.solid){let{cap:n,stencils:i,material:a}=this.solid;n.visible=i.visible=e.on,a.clippingPlanes=e.on?[this.plane]:[],n.position.copy(this.bounds.getCenter(new t)),n.position[e.axis]=e.offset,n.scale.setScalar(this.extent*1.1),n.lookAt(n.position.clone().add(r))}if(this.volume){let{uniforms:t}=this.volume.material;t.cut.value=e.on,t.wholePlane.value=e.values,t.plane.value.set(r.x,r.y,r.z,n*e.offset)}this.draw()}setContour(e){this.volume&&(this.volume.material.uniforms.contour.value=e),this.draw()}setThickness(e){this.thickness=e;let{on:t,most:n,limit:r}=e;(this.volume?.material.uniforms.walls.value)?.set(+!!t,n,r),this.draw()}find(e,n){let r=this.canvas.getBoundingClientRect(),i=new S((e-r.left)/r.width*2-1,1-(n-r.top)/r.height*2),a=new w;this.camera.updateMatrixWorld(),a.setFromCamera(i,this.camera);let{origin:o,direction:s}=a.ray,{section:c}=this,l=this.bounds.distanceToPoint(o),u=l+3*this.extent;if(c?.on){let e=a.ray.distanceToPlane(this.plane),n=this.plane.distanceToPoint(o)<0;if(n&&e===null)return null;if(n){let n=a.ray.at(e,new t),r=this.field?.at(n.toArray())??null;if(r!==null&&(r<=0||c.values))return{point:n.toArray(),value:r,onSection:!0};l=Math.max(l,e)}else e!==null&&(u=Math.min(u,e))}if(this.field){let e=this.field.hit(o.toArray(),s.toArray(),l,u),t=e&&this.thickness?.on?W(this.field,e):void 0;return e&&{point:e,value:null,onSection:!1,thickness:t}}if(!this.solid)return null;let d=a.intersectObject(this.solid.mesh,!1),f=d.find(({point:e})=>!c?.on||this.plane.distanceToPoint(e)>=0),p=c?.on?a.intersectObject(this.solid.cap,!1)[0]:void 0,m=d.filter(({distance:e})=>p&&e>p.distance).length%2==1;return p&&m&&(!f||p.distance<f.distance)?{point:p.point.toArray(),value:null,onSection:!0}:f?{point:f.point.toArray(),value:null,onSection:!1}:null}mark(e){this.marks.clear();for(let t of e)this.marks.add(this.ball(t,this.extent/160,16738816));if(e.length>1){let n=e.map(e=>new t(...e)),r=new x(new g().setFromPoints(n),new b({color:16738816,depthTest:!1}));r.renderOrder=10,this.marks.add(r)}this.draw()}pin(e,t){this.pins.clear();let n=this.extent*Math.max(1,ue/this.canvas.clientHeight);e.forEach((e,r)=>{r===t&&this.pins.add(this.ball(e,n/90,16777215,10)),this.pins.add(this.ball(e,n/(r===t?120:160),13632027,11))}),this.draw()}ball(e,t,n,r=10){let i=new m(new y(t),new D({color:n,depthTest:!1}));return i.position.set(...e),i.renderOrder=r,i}goTo(e,t){this.reveal();let{far:n,...r}=this.eye;this.lookFrom({...r,far:Math.min(n,.5),target:e}),this.move();let i=this.camera.position.clone().sub(this.controls.target),a=[`x`,`y`,`z`].reduce((e,t)=>Math.abs(i[t])>Math.abs(i[e])?t:e),o=Number(e[`xyz`.indexOf(a)].toPrecision(6));return{...t,on:!0,axis:a,offset:o,flipped:!this.isBeyond(a,o)}}reveal(){let{top:e,bottom:t}=this.canvas.getBoundingClientRect();e>=0&&t<=innerHeight||this.canvas.scrollIntoView({block:t-e<=innerHeight?`nearest`:`center`})}picture(){return this.render(),new Promise(e=>this.canvas.toBlob(e,`image/png`))}end(){cancelAnimationFrame(this.asked),clearTimeout(this.timer),this.resized.disconnect(),this.pace.end(),this.controls.dispose(),this.dropVolume(),this.dropVolume(this.ahead),this.scene.traverse(e=>{let{geometry:t,material:n}=e;t?.dispose();for(let e of[n].flat())e?.dispose()}),this.renderer.dispose()}draw(){cancelAnimationFrame(this.asked),this.asked=requestAnimationFrame(()=>this.render())}move(){let e=!this.moving;this.moving=!0,(e||this.pixels!==this.pace.pixels)&&this.size(),this.draw(),clearTimeout(this.timer),this.timer=window.setTimeout(()=>{this.moving=!1,this.size(),this.draw(),requestAnimationFrame(()=>this.moving||this.moved(this.eye))},le)}fit(){this.size();let{width:e,height:t}=this.canvas.parentElement.getBoundingClientRect(),n=Math.max(1,e)/Math.max(1,t);if(n===this.camera.aspect)return this.draw();let r=this.eye;this.camera.aspect=n,this.camera.updateProjectionMatrix(),this.bounds.isEmpty()||this.lookFrom(r),this.draw()}size(){let{width:e,height:t}=this.canvas.parentElement.getBoundingClientRect(),n=Math.min(devicePixelRatio,2);this.pixels=this.pace.pixels;let r=Math.sqrt(this.pixels/Math.max(1,e*t)),i=this.moving&&this.volume?Math.min(n,r):n,a=`${e} ${t} ${i}`;a!==this.sized&&this.renderer.setDrawingBufferSize(e,t,i),this.sized=a}render(){if(this.volume){let{uniforms:e}=this.volume.material;this.camera.updateMatrixWorld(),e.eye.value.copy(this.camera.position),e.toClip.value.multiplyMatrices(this.camera.projectionMatrix,this.camera.matrixWorldInverse)}this.renderer.render(this.scene,this.camera),this.moving&&this.volume&&this.pace.drawn(this.canvas.width*this.canvas.height)}};export{F as a,N as i,H as n,V as r,de as t};