/** Raw bytes to and from a serial device or a socket. The line above owns it and is its only user. */
export interface ByteStream {
  readonly isOpen: boolean;
  /** @throws when the device or host cannot be opened */
  open(listener: ByteStreamListener): Promise<void>;
  /** Settles when the device is free again; harmless when it is closed already. */
  close(): Promise<void>;
  write(bytes: Uint8Array): void;
}

export interface ByteStreamListener {
  onBytes(bytes: Uint8Array): void;
  /** The device went away: unplugged, reset, or closed by the other side. */
  onClosed(reason: string): void;
}
