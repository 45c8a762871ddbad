export { operatorPages, type PageSources } from "./pages.ts";
export { readiness } from "./readiness.ts";
