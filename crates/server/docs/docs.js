// Shows the API's document by Swagger UI, which can try requests. Nothing leaves this host: no validator, no document from elsewhere.
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
