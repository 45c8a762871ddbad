export { operatorPage, type PageSources } from "./pages.ts";
