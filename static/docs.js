// @ts-check
/** The description of the API, shown by Swagger UI, which the page loads before this. */

const { SwaggerUIBundle } = /** @type {any} */ (globalThis);
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  // Otherwise a badge asks a server elsewhere.
  validatorUrl: null,
});
