/** The simulator's end of a serial line or of one socket. */
export interface ByteEnd {
  write(bytes: Uint8Array): void;
  /** Closes the connection from this side. A serial line has no connection to close: nothing happens there. */
  hangUp(): void;
}

/** What listens at a byte end. */
export interface ByteEar {
  onBytes(chunk: Uint8Array): void;
  /** The other side is gone, or the end was closed: nothing that is still pending goes out. */
  onClosed(): void;
}

/** Serves byte ends: one for a serial line, one for each socket of a listener. */
export type Attach = (end: ByteEnd) => ByteEar;
