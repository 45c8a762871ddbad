import type { Resource } from "./resources.ts";

/** Words of an operator's own by name, on things and groups. */
export type Attributes = Readonly<Record<string, string>>;

/** A thing: a device's name in the registry, with attributes. */
export type Thing = {
  readonly name: string;
  readonly id: string;
  readonly attributes: Attributes;
  readonly version: number;
  readonly type: string | null;
  readonly billingGroup: string | null;
};

/** What things of one kind have in common. */
export type ThingTypeProperties = {
  readonly thingTypeDescription?: string | undefined;
  readonly searchableAttributes?: readonly string[] | undefined;
  readonly mqtt5Configuration?:
    | {
        readonly propagatingAttributes?:
          | readonly {
              readonly userPropertyKey?: string | undefined;
              readonly thingAttribute?: string | undefined;
              readonly connectionAttribute?: string | undefined;
            }[]
          | undefined;
      }
    | undefined;
};

/** What is stored of a type besides its name. */
export type ThingTypeBody = {
  readonly id: string;
  readonly properties: ThingTypeProperties;
  /** When it was deprecated, in milliseconds since 1970; null while things may get it. */
  readonly deprecatedAt: number | null;
};

/** A type: what is said of all its things at once. */
export type ThingType = Resource<ThingTypeBody>;

/** What a thing group says of itself. */
export type ThingGroupProperties = {
  readonly description?: string | undefined;
  readonly attributes?: Attributes | undefined;
};

/** What makes a group dynamic: its members are the things that a query finds. */
export type GroupQuery = { readonly indexName: string; readonly queryString: string; readonly queryVersion: string };

/** What is stored of a group besides its name. */
export type ThingGroupBody = {
  readonly id: string;
  readonly parent: string | null;
  readonly description?: string | undefined;
  readonly attributes: Attributes;
  readonly version: number;
  readonly query: GroupQuery | null;
};

/** A group of things, static or dynamic, perhaps within another. */
export type ThingGroup = Resource<ThingGroupBody>;
