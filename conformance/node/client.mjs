// The platform's JavaScript client, written by hand after what is known of it: all three generations in one class.
// Answers become `{...json}` with dates by `new Date`; errors are plain `Error`s with the server's words.
import axios from "axios"

/** Thrown when work takes longer than the caller waits. */
export class PollTimeout extends Error {}

/** Only what is truthy travels: an empty name stays at home, an empty object goes. */
function constructParams(params) {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value))
}

/** What an error body says, in the order in which clients read it. */
function reason(error) {
  const { data, statusText } = error.response
  if (data.errors) {
    return "Bad request:\n" + data.errors.map(({ field, msg }) => (field ? `[${field}] ${msg}` : msg)).join("\n")
  }
  return data.msg || data.description || statusText
}

const dated = (json, ...fields) => ({
  ...json,
  ...Object.fromEntries(fields.map(field => [field, json[field] ? new Date(json[field]) : null])),
})
const asset = json => dated(json, "created", "modified")
const project = json => dated(json, "created", "modified")
const workflow = json => dated(json, "created", "started", "finished")
const job = json => ({ ...dated(json, "created", "started", "finished"), assets: json.assets?.map(asset) })

export class MetafoldClient {
  constructor(accessToken, projectID, baseURL) {
    this.projectID = projectID
    this.axios = axios.create({ baseURL, headers: { Authorization: `Bearer ${accessToken}` } })
    this.axios.interceptors.response.use(
      response => response,
      error => Promise.reject(error.response ? new Error(reason(error)) : error),
    )
    this.projects = new Projects(this)
    this.assets = new Assets(this)
    this.jobs = new Jobs(this)
    this.workflows = new Workflows(this)
    this.user = new User(this)
  }

  get(url, params) {
    return this.axios.get(url, { params: constructParams(params ?? {}) })
  }

  /** Asks on a beat, whether or not the last answer has come, until it is anything but 202. */
  poll(url, timeout = 120_000, every = 1000) {
    return new Promise((resolve, reject) => {
      const stop = () => (clearInterval(beat), clearTimeout(limit))
      const beat = setInterval(async () => {
        try {
          const response = await this.axios.get(url)
          if (response.status !== 202) (stop(), resolve(response))
        } catch (error) {
          stop()
          reject(error)
        }
      }, every)
      const limit = setTimeout(() => (stop(), reject(new PollTimeout(`no end within ${timeout} ms`))), timeout)
    })
  }
}

class Resource {
  constructor(client) {
    this.client = client
  }

  /** A path inside a project, the client's own unless another is named. */
  path(noun, projectID = this.client.projectID) {
    if (!projectID) throw new Error("Project ID required")
    return `/projects/${projectID}/${noun}`
  }
}

class Projects extends Resource {
  async list({ sort, q } = {}) {
    return (await this.client.get("/projects", { sort, q })).data.map(project)
  }

  async get(id = this.client.projectID) {
    return project((await this.client.get(`/projects/${id}`)).data)
  }

  async create(name, { access = "private", data } = {}) {
    return project((await this.client.axios.post("/projects", constructParams({ name, access, project: data }))).data)
  }

  async duplicate(source, name, { access = "private" } = {}) {
    return project((await this.client.axios.post("/projects", { source, name, access })).data)
  }

  async update(id, { name, access, data, graph } = {}) {
    const body = constructParams({ name, access, project: data, graph })
    return project((await this.client.axios.patch(`/projects/${id}`, body)).data)
  }

  async delete(id) {
    await this.client.axios.delete(`/projects/${id}`)
  }
}

class Assets extends Resource {
  async list({ sort, q, projectID } = {}) {
    return (await this.client.get(this.path("assets", projectID), { sort, q })).data.map(asset)
  }

  async get(id, { projectID } = {}) {
    return asset((await this.client.get(this.path(`assets/${id}`, projectID))).data)
  }

  async downloadURL(id, { filename, projectID } = {}) {
    const params = { download: true, filename }
    return (await this.client.get(this.path(`assets/${id}`, projectID), params)).data.link
  }

  /** Fetches the link without a key. */
  async download(id, responseType, { projectID } = {}) {
    return axios.get(await this.downloadURL(id, { projectID }), { responseType })
  }

  form(file, filename) {
    const form = new FormData()
    filename ? form.append("file", file, filename) : form.append("file", file)
    return form
  }

  async create(file, { filename, projectID } = {}) {
    return asset((await this.client.axios.post(this.path("assets", projectID), this.form(file, filename))).data)
  }

  /** Generations 1 and 2. */
  async update(id, file, { filename, projectID } = {}) {
    const path = this.path(`assets/${id}`, projectID)
    return asset((await this.client.axios.patch(path, this.form(file, filename))).data)
  }

  async delete(id, { projectID } = {}) {
    await this.client.axios.delete(this.path(`assets/${id}`, projectID))
  }
}

class Jobs extends Resource {
  async list({ sort, q, projectID } = {}) {
    return (await this.client.get(this.path("jobs", projectID), { sort, q })).data.map(job)
  }

  async get(id, { projectID } = {}) {
    return job((await this.client.get(this.path(`jobs/${id}`, projectID))).data)
  }

  async runStatus(type, parameters, { name, projectID } = {}) {
    const body = constructParams({ type, parameters, name })
    return (await this.client.axios.post(this.path("jobs", projectID), body)).data.link
  }

  async run(type, parameters, { name, timeout, projectID } = {}) {
    const link = await this.runStatus(type, parameters, { name, projectID })
    return job((await this.client.poll(link, timeout)).data)
  }

  async update(id, { name, projectID } = {}) {
    return job((await this.client.axios.patch(this.path(`jobs/${id}`, projectID), constructParams({ name }))).data)
  }

  async delete(id, { projectID } = {}) {
    await this.client.axios.delete(this.path(`jobs/${id}`, projectID))
  }
}

/** Generation 3. */
class Workflows extends Resource {
  async list({ sort, q, projectID } = {}) {
    return (await this.client.get(this.path("workflows", projectID), { sort, q })).data.map(workflow)
  }

  async get(id, { projectID } = {}) {
    return workflow((await this.client.get(this.path(`workflows/${id}`, projectID))).data)
  }

  async runStatus(definition, { parameters, assets, projectID } = {}) {
    const body = constructParams({ definition, parameters, assets })
    return (await this.client.axios.post(this.path("workflows", projectID), body)).data.link
  }

  async run(definition, { parameters, assets, timeout, projectID } = {}) {
    const link = await this.runStatus(definition, { parameters, assets, projectID })
    return workflow((await this.client.poll(link, timeout, 2000)).data)
  }

  async cancel(id, { projectID } = {}) {
    return workflow((await this.client.axios.post(this.path(`workflows/${id}/cancel`, projectID))).data)
  }

  async delete(id, { projectID } = {}) {
    await this.client.axios.delete(this.path(`workflows/${id}`, projectID))
  }
}

/** Generation 1. */
class User extends Resource {
  async license() {
    return dated((await this.client.get("/user/license")).data, "issued", "expires")
  }

  async quota() {
    return (await this.client.get("/user/quota")).data
  }

  async usage() {
    return (await this.client.get("/user/usage")).data
  }
}
