// Searches the guide: all words of a query, in the sections of all pages. What it looks through is fetched at the first key.
const input = document.querySelector('input[type=search]');
const list = document.querySelector('.found');
const MOST = 12;
let sections;

const make = (tag, text, ...children) => {
  const node = document.createElement(tag);
  node.textContent = text;
  node.append(...children);
  return node;
};

/** How well a section answers; 0 where a word is missing. */
function rank({ page, title, text }, words) {
  const [head, body] = [`${page} ${title}`.toLowerCase(), text.toLowerCase()];
  if (!words.every((word) => head.includes(word) || body.includes(word))) return 0;
  return 1 + 10 * words.filter((word) => head.includes(word)).length;
}

function around(text, word) {
  const at = Math.max(0, text.toLowerCase().indexOf(word));
  return (at > 40 ? '…' : '') + text.slice(Math.max(0, at - 40), at + 100).trim() + '…';
}

async function find() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  list.hidden = words.length === 0;
  if (list.hidden) return;
  sections ??= await (await fetch('/guide/search.json')).json();
  const ranked = sections.map((section) => ({ section, rank: rank(section, words) })).filter((one) => one.rank > 0);
  ranked.sort((a, b) => b.rank - a.rank);
  const items = ranked.slice(0, MOST).map(({ section }) => {
    const link = make('a', section.title === section.page ? section.page : `${section.page}: ${section.title}`);
    link.href = section.url;
    return make('li', '', link, make('small', around(section.text, words[0])));
  });
  list.replaceChildren(...(items.length ? items : [make('li', 'Nothing in the guide has all of these words.')]));
}
input.addEventListener('input', find);
input.form.addEventListener('submit', (event) => {
  event.preventDefault();
  list.querySelector('a')?.click();
});
