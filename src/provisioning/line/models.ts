/** How a part of a line comes to its key pair and its certificate, and what a cloud trusts it by. */
export type LineModel = {
  readonly title: string;
  /** Whose premises the parts are made ready at. */
  readonly facility: string;
  /** Born with it, given one by the facility's key generator, or made in the part itself. */
  readonly key: "born" | "injected" | "generated";
  readonly certificate: "born" | "issued";
  /** What a cloud trusts the parts by: the records of their birth, or the CA that issued for them. */
  readonly trust: "birth-record" | "issuer";
  /** The smallest order, in parts, that the facility takes. */
  readonly minimumOrder: number;
};

/** The four ways to a provisioned part. AN13501, section 4 */
export const LINE_MODELS = {
  preconfigured: {
    title: "pre-configuration for ease of use",
    facility: "the maker's, before anybody orders",
    key: "born",
    certificate: "born",
    trust: "birth-record",
    minimumOrder: 1,
  },
  vendor: {
    title: "secure provisioning by the vendor's trust provisioning service",
    facility: "the vendor's, on behalf of the OEM",
    key: "injected",
    certificate: "issued",
    trust: "issuer",
    minimumOrder: 150_001,
  },
  distributor: {
    title: "secure provisioning by a distributor or another third party",
    facility: "the distributor's, on behalf of the OEM",
    key: "injected",
    certificate: "issued",
    trust: "issuer",
    minimumOrder: 1,
  },
  oem: {
    title: "provisioning by the OEM with its own PKI",
    facility: "the OEM's own",
    key: "generated",
    certificate: "issued",
    trust: "issuer",
    minimumOrder: 1,
  },
} as const satisfies Readonly<Record<string, LineModel>>;

export type LineModelName = keyof typeof LINE_MODELS;
