// Shows the API's document by Swagger UI, which can try requests. Nothing leaves this host: no validator, no document from elsewhere.
// As dark as the app is, or as the system says.
const theme = localStorage.getItem('fieldstone.theme');
const system = matchMedia('(prefers-color-scheme: dark)');
const wear = () => document.documentElement.classList.toggle('dark-mode', theme === 'dark' || (theme !== 'light' && system.matches));
system.addEventListener('change', wear);
wear();

const ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#viewer',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  // Whoever is signed in to the app in this tab, or stays signed in on this device, is here, too.
  onComplete() {
    const key = sessionStorage.getItem('fieldstone.key') ?? localStorage.getItem('fieldstone.key');
    if (key) ui.preauthorizeApiKey('bearer', key);
  },
});

// What Swagger UI leaves out for those who use the page by keyboard or hear it: names, the order of headings, and boxes that scroll.
const set = (name, value) => (element) => element.setAttribute(name, value);
const drop = (name) => (element) => element.removeAttribute(name);
const level = (n) => set('aria-level', String(n));
const part = (label) => (element) => (set('role', 'region')(element), set('aria-label', label)(element));
const MENDS = [
  // A link in a button cannot be reached by itself; the button goes to the same address.
  ['.opblock-summary-control a[href]', drop('href')],
  ['.information-container', part('About')],
  ['.schemes-server-container', part('Server')],
  ['.filter-container', set('role', 'search')],
  ['.dialog-ux .modal-ux', set('aria-label', 'Available authorizations')],
  ['.dialog-ux .modal-ux', set('role', 'dialog')],
  ['#servers', set('aria-label', 'Server')],
  ['.operation-filter-input', set('aria-label', 'Filter by tag or path')],
  ['textarea.body-param__text', set('aria-label', 'Request body')],
  ['.close-modal', set('aria-label', 'Close')],
  ['.modal-btn[aria-label="Remove authorization"]', drop('aria-label')],
  // It is a table, not a part of the page.
  ['table.responses-table[role]', drop('role')],
  ['pre.microlight, pre.curl, .highlight-code > pre, .model-box, .headerline', set('tabindex', '0')],
  ['.info .title', level(1)],
  ['h3.opblock-tag, .models h4, .dialog-ux h3', level(2)],
  ['.opblock-body h4, .dialog-ux h4', level(3)],
  ['.opblock-body h5, .dialog-ux h5, .dialog-ux h6', level(4)],
];
let asked = 0;
function mend() {
  asked = 0;
  for (const [where, how] of MENDS) document.querySelectorAll(where).forEach(how);
}
new MutationObserver(() => (asked ||= requestAnimationFrame(mend))).observe(document.getElementById('viewer'), { childList: true, subtree: true });
