/** How documents of one kind are read. The rest, versions and roll-backs, is the same for all kinds. */
export interface DocumentReader<Document> {
  /**
   * Reads and checks a document as a whole, without any effect.
   *
   * @param name what the document is called in a refusal: a file's name, "version 4"
   * @throws PilegateError `config.invalid` with every complaint
   */
  readonly read: (text: string, name: string) => Document;
  /**
   * Reads what was in force before a restart, by its schema alone: what has changed around it since does not take it out of force.
   *
   * @throws PilegateError `config.invalid` when this software cannot read it
   */
  readonly readAgain: (text: string, name: string) => Document;
  /** The version that the document states of itself; null where its kind states none, and is numbered by its door. */
  readonly versionOf: (document: Document) => number | null;
  /** What differs between two of them, line by line; absent where they cannot be compared. */
  readonly differences?: (before: Document, after: Document) => readonly string[];
  /** What of it may be shown on a terminal, where that is not its text: secrets and personal data are left out. */
  readonly show?: (document: Document) => string;
}
