// Lists what openapi.json describes. Nothing else is fetched.
const make = (tag, text, ...children) => {
  const node = document.createElement(tag);
  node.textContent = text;
  node.append(...children);
  return node;
};
const last = (ref) => ref.slice(ref.lastIndexOf('/') + 1);
const nameOf = (schema) => !schema ? '' : schema.$ref ? last(schema.$ref)
  : schema.type === 'array' ? nameOf(schema.items) + '[]' : JSON.stringify(schema);

function details(document_, method, path, op) {
  const box = make('div', '');
  if (op.description) box.append(make('p', op.description));
  const resolve = (o) => o.$ref ? o.$ref.slice(2).split('/').reduce((at, key) => at[key], document_) : o;
  for (const p of (op.parameters || []).map(resolve)) {
    box.append(make('p', '', make('code', p.name), ` (${p.in}${p.required ? ', required' : ''}) ${p.description}`));
  }
  for (const [type, content] of Object.entries(op.requestBody?.content || {})) {
    box.append(make('p', '', make('b', 'body '), make('code', type), ' ' + nameOf(content.schema)));
  }
  for (const [code, r] of Object.entries(op.responses).map(([code, r]) => [code, resolve(r)])) {
    const schema = Object.values(r.content || {})[0]?.schema;
    box.append(make('p', '', make('b', code + ' '), r.description + ' ', make('code', nameOf(schema))));
  }
  return make('details', '', make('summary', '', make('b', method), make('code', path), ' ' + op.summary), box);
}

fetch('openapi.json').then((r) => r.json()).then((document_) => {
  const root = document.getElementById('operations');
  root.append(make('p', document_.info.description));
  for (const { name } of document_.tags) {
    root.append(make('h2', name));
    for (const [path, methods] of Object.entries(document_.paths)) {
      for (const [method, op] of Object.entries(methods)) {
        if (op.tags.includes(name)) root.append(details(document_, method, path, op));
      }
    }
  }
  root.append(make('h2', 'Schemas'));
  for (const [name, schema] of Object.entries(document_.components.schemas)) {
    root.append(make('details', '', make('summary', '', make('code', name)), make('pre', JSON.stringify(schema, null, 2))));
  }
});
