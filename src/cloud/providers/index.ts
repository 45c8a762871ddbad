export { CertificateProviders, type CertificateProvider, type CsrSender } from "./certificate-providers.ts";
