export { operatorPages, type PageSources } from "./pages.ts";
