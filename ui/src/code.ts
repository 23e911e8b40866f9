// The same request for curl, for Python and for the command line, quoted so that they can be pasted as they are.
import type { Asset, NewJob, NewWorkflow } from './api/client';

/** A word of a POSIX shell. */
export const shell = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** A JSON value as a Python literal. */
export function python(value: unknown, indent = ''): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map((v) => python(v, indent)).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const inner = indent + '    ';
  const lines = Object.entries(value).map(([name, v]) => `${inner}${JSON.stringify(name)}: ${python(v, inner)},\n`);
  return lines.length > 0 ? `{\n${lines.join('')}${indent}}` : '{}';
}

const KEY = '-H "Authorization: Bearer $FIELDSTONE_TOKEN"';

function client(project: string): string {
  const address = `base_url="${location.origin}/"`;
  return `import os
from metafold import MetafoldClient

client = MetafoldClient(access_token=os.environ["FIELDSTONE_TOKEN"], ${address}, project_id="${project}")
`;
}

/** A line of `fieldstone`, an option for each entry; lists are several options, what is no text is JSON. */
function options(flag: string, map: object | null | undefined): string[] {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const all = (value: unknown) => (flag === 'input' && Array.isArray(value) ? value : [value]);
  return Object.entries(map ?? {}).flatMap(([name, v]) => all(v).map((one) => `--${flag} ${shell(`${name}=${text(one)}`)}`));
}
const lines = (words: string[]) => words.join(' \\\n  ');
const where = (project: string) => `-p ${project} --server ${location.origin}`;

/** Dispatches a job like this one. */
export function ofJob(project: string, job: NewJob) {
  const body = JSON.stringify(job, null, 2);
  const { type, name, assets, parameters } = job;
  const rest = [
    name ? `    name=${JSON.stringify(name)},\n` : '',
    `    parameters=${python(parameters ?? {}, '    ')},\n`,
    `    assets=${python(assets ?? {}, '    ')},\n`,
  ];
  return {
    curl: `curl -X POST ${location.origin}/projects/${project}/jobs ${KEY} \\
  -H 'Content-Type: application/json' --data ${shell(body)}`,
    python: `${client(project)}job = client.jobs.run(\n    ${JSON.stringify(type)},\n${rest.join('')})\nprint(job.state)`,
    cli: lines([
      `fieldstone jobs run ${shell(type)} ${where(project)}`,
      ...(name ? [`--name ${shell(name)}`] : []),
      ...options('input', assets),
      ...options('param', parameters),
      '--wait',
    ]),
  };
}

/** Starts a workflow like this one. */
export function ofWorkflow(project: string, workflow: NewWorkflow) {
  const body = JSON.stringify(workflow, null, 2);
  const { definition, assets, parameters } = workflow;
  return {
    curl: `curl -X POST ${location.origin}/projects/${project}/workflows ${KEY} \\
  -H 'Content-Type: application/json' --data ${shell(body)}`,
    python: `${client(project)}workflow = client.workflows.run(
    ${JSON.stringify(definition)},
    parameters=${python(parameters ?? {}, '    ')},
    assets=${python(assets ?? {}, '    ')},
)
print(workflow.state)`,
    cli: `${lines([
      `fieldstone workflows run /dev/stdin ${where(project)}`,
      ...options('input', assets),
      ...options('param', parameters),
      '--wait',
    ])} <<'YAML'\n${definition.replace(/\n?$/, '\n')}YAML`,
  };
}

/** Fetches a file. */
export function ofAsset(project: string, { id, filename }: Pick<Asset, 'id' | 'filename'>) {
  const address = `${location.origin}/projects/${project}/assets/${id}?download=true`;
  return {
    curl: `curl -o ${shell(filename)} "$(curl -s '${address}' ${KEY} | jq -r .link)"`,
    python: `${client(project)}client.assets.download_file(${JSON.stringify(id)}, ${JSON.stringify(filename)})`,
    cli: `fieldstone assets cp ${shell(`${project}:${filename}`)} . --server ${location.origin}`,
  };
}

/** By job type, what `fieldstone eval` writes. */
const ENDINGS: Record<string, string> = {
  export_slices: 'zip', export_cli: 'cli', export_vti: 'vti', evaluate_metrics: 'json', 'implicit/evaluate': 'bin',
};

/** Makes the same of a graph without a server; empty where no command does. */
export function ofEval(graph: object, type: string, parameters: Record<string, unknown>): string {
  const { file_type, ...rest } = parameters;
  const ending = type === 'export_triangle_mesh' ? String(file_type ?? 'stl') : ENDINGS[type];
  if (!ending) return '';
  const command = lines([`fieldstone eval graph.json -o shape.${ending}`, ...options('param', rest)]);
  return `cat > graph.json <<'JSON'\n${JSON.stringify(graph, null, 2)}\nJSON\n${command}`;
}
