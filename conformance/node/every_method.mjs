// Every method of the JavaScript client, once per dialect: node every_method.mjs URL NAME=TOKEN…
// Prints `ok` or `FAIL` per check, as the Python scripts do; conformance/node_client.py gives it a server.
import assert from "node:assert/strict"
import axios from "axios"
import { MetafoldClient, PollTimeout } from "./client.mjs"

const [url, ...keys] = process.argv.slice(2)
const RESOURCES = ["projects", "assets", "jobs", "workflows", "user"]

/** A closed box of 10 × 20 × 15 as OBJ text. */
const corners = [...Array(8).keys()].map(k => [10, 20, 15].map((side, axis) => side * ((k >> axis) & 1)))
const faces = ["1 3 4 2", "5 6 8 7", "1 2 6 5", "3 7 8 4", "1 5 7 3", "2 4 8 6"]
const BOX = [...corners.map(c => `v ${c.join(" ")}`), ...faces.map(f => `f ${f}`), ""].join("\n")

const SAMPLE_MESH = `
jobs:
  preprocess: {type: mesh/preprocess}
  compute-bvh: {type: mesh/compute-bvh, needs: [preprocess], assets: {mesh: preprocess}}
  sample-mesh:
    type: implicit/from-mesh
    needs: [preprocess, compute-bvh]
    assets: {mesh: preprocess, bvh: compute-bvh}
`

/** Notes which methods of a resource were called. */
function noted(resource) {
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(resource)).filter(m => m !== "constructor" && m !== "form")
  const called = new Set()
  const proxy = new Proxy(resource, { get: (target, name) => (called.add(name), target[name]) })
  return { proxy, missed: () => methods.filter(m => !called.has(m)) }
}

const recent = date => assert.ok(Math.abs(date - Date.now()) < 600_000, `${date} is not a recent date`)
/** A job's files and values: newer keys leave the deprecated `assets` and `meta` away. */
const files = job => job.assets ?? Object.values(job.outputs.assets)
const values = job => job.meta ?? Object.fromEntries(Object.entries(job.outputs.params).map(([name, text]) => [name, parsed(text)]))
const parsed = text => (/^[-\d[{"]|^(true|false)$/.test(text) ? JSON.parse(text) : text)
const ids = list => list.map(one => one.id)

/** The request fails with an Error whose text holds every fragment. */
async function refused(promise, ...fragments) {
  const error = await promise.then(() => null, error => error)
  assert.ok(error, "it succeeded")
  for (const fragment of fragments) assert.ok(error.message.includes(fragment), `${fragment} is not in ${error.message}`)
}

/** A graph as the client's builder writes it: the result first, its sources after it, vectors as {x, y, z}. */
const GRAPH = {
  operators: [
    { type: "Threshold", parameters: { width: 0.2 } },
    { type: "SampleLattice", parameters: { lattice_data: { nodes: [{ x: 0, y: 0, z: 0 }, { x: 1, y: 1, z: 1 }], edges: [[0, 1]] },
      section_radius: 0.1, scale: [1, 1, 1] } },
    { type: "GenerateSamplePoints", parameters: { size: [2, 2, 2], offset: [-1, -1, -1], resolution: [16, 17, 18] } },
  ],
  edges: [{ source: 1, target: [0, "Samples"] }, { source: 2, target: [1, "Points"] }],
}

const CHECKS = {
  async "projects are made, listed, changed, copied and deleted"(c, t) {
    t.project = await c.projects.create(`Teile ${t.dialect} #1`, { data: { state: [1, 2] } })
    assert.deepEqual([t.project.access, t.project.project], ["private", { state: [1, 2] }])
    recent(t.project.created)
    t.client.projectID = t.project.id
    assert.deepEqual(await c.projects.get(), t.project)
    const other = await c.projects.create("Other", { access: "public" })
    assert.deepEqual(ids(await c.projects.list({ sort: "name:-1", q: `name:"Teile ${t.dialect} #1"` })), [t.project.id])
    const changed = await c.projects.update(other.id, { name: "Renamed", graph: { operators: [] } })
    assert.deepEqual([changed.name, changed.access, changed.graph], ["Renamed", "public", { operators: [] }])
    const copy = await c.projects.duplicate(t.project.id, "Copy")
    assert.deepEqual(copy.project, { state: [1, 2] })
    for (const { id } of [copy, other]) await c.projects.delete(id)
    await refused(c.projects.get(other.id), other.id)
  },

  async "assets go up with a name and without, are replaced, come down and go"(c, t) {
    t.box = await c.assets.create(new Blob([BOX]), { filename: "größe 1.obj" })
    assert.deepEqual([t.box.filename, t.box.size], ["größe 1.obj", BOX.length])
    const spare = await c.assets.create(new Blob(["some bytes"]))
    assert.equal(spare.filename, "blob")
    const changed = await c.assets.update(spare.id, new Blob([BOX]), { filename: "other.obj" })
    assert.deepEqual([changed.id, changed.checksum], [spare.id, t.box.checksum])
    assert.deepEqual(ids(await c.assets.list({ sort: "id:1" })), [t.box.id, spare.id])
    assert.deepEqual(ids(await c.assets.list({ q: 'filename:"größe 1.obj"' })), [t.box.id])
    assert.deepEqual(await c.assets.get(t.box.id), t.box)
    assert.equal(Buffer.from((await c.assets.download(t.box.id, "arraybuffer")).data).toString(), BOX)
    const link = await c.assets.downloadURL(t.box.id, { filename: "a part.obj" })
    const named = await axios.get(link, { headers: { Origin: "https://viewer.example" } })
    assert.match(named.headers["content-disposition"], /attachment.*a part\.obj|a%20part\.obj/)
    assert.equal(named.headers["access-control-allow-origin"], "*")
    await c.assets.delete(spare.id)
    await refused(c.assets.get(spare.id), spare.id)
    await refused(c.assets.list({ sort: "colour:1" }), "colour")
  },

  async "a job runs with native parameters, is listed, renamed and deleted"(c, t) {
    const sampled = await c.jobs.run("sample_triangle_mesh", { mesh_filename: t.box.filename, max_resolution: 16 }, { name: "first" })
    assert.deepEqual([sampled.state, sampled.name], ["success", "first"])
    recent(sampled.created)
    const { patch } = values(sampled), volume = files(sampled)[0]
    assert.deepEqual(Object.keys(patch).sort(), ["offset", "resolution", "size"])
    assert.ok(volume.filename.endsWith(".bin") && volume.size === 4 * patch.resolution.reduce((a, b) => a * b), volume)
    assert.equal((await c.jobs.update(sampled.id, { name: "umbenannt +1" })).name, "umbenannt +1")
    assert.deepEqual(ids(await c.jobs.list({ sort: "created:1", q: 'name:"umbenannt +1" AND state:success' })), [sampled.id])
    assert.equal((await c.jobs.get(sampled.id)).state, "success")
    await c.jobs.delete(sampled.id)
    await refused(c.jobs.get(sampled.id), sampled.id)
  },

  async "a graph with its result first gives int8 samples and a mesh"(c) {
    const sampled = await c.jobs.run("evaluate_graph", { graph: GRAPH })
    const { data } = await c.assets.download(files(sampled)[0].id, "arraybuffer")
    const bytes = new Int8Array(Uint8Array.from(Buffer.from(data)).buffer)
    assert.equal(bytes.length, 16 * 17 * 18)
    assert.ok(bytes.includes(127) && bytes.some(b => b < 0))
    const graph = { operators: GRAPH.operators.slice(1), edges: [{ source: 1, target: [0, "Points"] }] }
    const mesh = await c.jobs.run("export_triangle_mesh", { graph, point_source: 1, file_type: "obj" })
    assert.ok(files(mesh)[0].filename.endsWith(".obj"), files(mesh)[0].filename)
    assert.match((await c.assets.download(files(mesh)[0].id, "text")).data, /^v /m)
  },

  async "24 jobs at once are all taken"(c) {
    const graph = { ...GRAPH, operators: GRAPH.operators.slice(1), edges: [{ source: 1, target: [0, "Points"] }] }
    const jobs = await Promise.all([...Array(24)].map(() => c.jobs.run("evaluate_metrics", { graph, point_source: 1 })))
    for (const { surface_area, interior_volume } of jobs.map(values)) assert.ok(surface_area > 0 && interior_volume > 0)
  },

  async "a failed job rejects with its own words, a wrong one with its fields"(c, t) {
    await c.assets.create(new Blob(["Dear Sir or Madam"]), { filename: "letter.stl" })
    await refused(c.jobs.run("sample_triangle_mesh", { mesh_filename: "letter.stl", max_resolution: 16 }), "STL")
    await refused(c.jobs.run("sim/custom", {}), "sim/custom")
    await refused(c.jobs.run("sample_triangle_mesh", { mesh_filename: "absent.stl" }), "Bad request:\n", "absent.stl")
    const stranger = new MetafoldClient("nobody", t.project.id, url)
    await refused(stranger.jobs.list(), "token")
    await refused(t.client.axios.get("/nowhere"), "/nowhere")
  },

  async "workflows run, are listed, fail, and are deleted"(c, t) {
    const sent = { parameters: { "sample-mesh.resolution": "24" }, assets: { "preprocess.mesh": t.box.filename } }
    const done = await c.workflows.run(SAMPLE_MESH, sent)
    assert.equal(done.state, "success")
    recent(done.finished)
    const jobs = await Promise.all(done.jobs.map(id => c.jobs.get(id)))
    assert.deepEqual(jobs.map(j => j.name), ["preprocess", "compute-bvh", "sample-mesh"])
    if (t.dialect !== "sdk-legacy") assert.equal(JSON.parse(jobs[2].outputs.params.patch).resolution[1], 24)
    const failed = await c.workflows.run(SAMPLE_MESH, { assets: { "preprocess.mesh": "letter.stl" } })
    assert.equal(failed.state, "failure")
    assert.deepEqual(ids(await c.workflows.list({ sort: "id:1", q: "state:failure" })), [failed.id])
    assert.deepEqual((await c.workflows.get(done.id)).jobs, done.jobs)
    await c.workflows.delete(failed.id)
    await refused(c.workflows.get(failed.id), failed.id)
    await refused(c.workflows.run("jobs: {a: {type: mesh/preprocess, needs: [b]}}"), "b")
  },

  async "a workflow is canceled while it runs, and only then"(c, t) {
    const names = [...Array(8).keys()].map(i => `j${i}`)
    const running = await c.workflows.runStatus(`jobs: {${names.map(n => `${n}: {type: implicit/from-mesh}`).join(", ")}}`, {
      assets: Object.fromEntries(names.map(n => [`${n}.mesh`, t.box.filename])),
      parameters: Object.fromEntries(names.map((n, i) => [`${n}.resolution`, String(600 + i)])),
    })
    await assert.rejects(t.client.poll(running, 5, 1000), PollTimeout)
    const id = running.match(/workflows\/(\d+)/)[1]
    await c.workflows.cancel(id)
    assert.equal((await t.client.poll(running, 60_000, 100)).data.state, "canceled")
    await refused(c.workflows.cancel(id), "canceled")
  },

  async "the user's licence, quota and usage"(c) {
    const licence = await c.user.license()
    recent(licence.issued)
    assert.deepEqual([licence.expired, licence.expires > Date.now(), typeof licence.product], [false, true, "string"])
    for (const counts of [await c.user.quota(), await c.user.usage()]) {
      assert.deepEqual(Object.keys(counts).sort(), ["export", "import", "project", "simulation"])
    }
  },
}

let held = 0, failed = 0
async function verdict(name, check) {
  try {
    await check()
    held += 1
    console.log(`ok ${name}`)
  } catch (error) {
    failed += 1
    console.error(error)
    console.log(`FAIL ${name}: ${String(error.message).split("\n").join(" | ")}`)
  }
}

await Promise.all(keys.map(async key => {
  const [dialect, token] = key.split("=")
  const context = { dialect, client: new MetafoldClient(token, undefined, url) }
  const resources = RESOURCES.map(name => [name, noted(context.client[name])])
  const client = Object.fromEntries(resources.map(([name, { proxy }]) => [name, proxy]))
  for (const [name, check] of Object.entries(CHECKS)) await verdict(`node, ${dialect}: ${name}`, () => check(client, context))
  await verdict(`node, ${dialect}: no method was left out`, () => {
    assert.deepEqual(resources.flatMap(([name, { missed }]) => missed().map(m => `${name}.${m}`)), [])
  })
}))
console.log(`${held} of ${held + failed} checks hold`)
process.exit(Number(failed > 0))
