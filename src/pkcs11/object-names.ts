/** What programs call an object; a chip has no place for either. Undefined where none has named it. */
export type ObjectName = {
  readonly label: string | undefined;
  /** CKA_ID of keys and certificates, CKA_OBJECT_ID of data objects. */
  readonly id: Uint8Array | undefined;
  /** CKA_APPLICATION; data objects alone have one. */
  readonly application?: string | undefined;
  /** CKA_SUBJECT, a DER name; keys alone can be given one. */
  readonly subject?: Uint8Array | undefined;
};

/**
 * Where labels and IDs are kept that programs gave to objects, by the lower-case hex SHA-256 of the object: of a key
 * pair's SubjectPublicKeyInfo, of a certificate's DER, of a data object's place.
 */
export interface ObjectNames {
  nameOf(key: string): ObjectName | undefined;
  rename(key: string, name: ObjectName): void;
  forget(key: string): void;
}

/** Names that end with the process. */
export class NamesInMemory implements ObjectNames {
  readonly #names = new Map<string, ObjectName>();

  nameOf(key: string): ObjectName | undefined {
    return this.#names.get(key);
  }

  rename(key: string, name: ObjectName): void {
    this.#names.set(key, name);
  }

  forget(key: string): void {
    this.#names.delete(key);
  }
}
