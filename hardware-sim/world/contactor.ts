/** Main contacts of a pile. `conducting` is what physics sees; `command` is what the pile asked for. */
export interface Contactor {
  readonly command: 'open' | 'close';
  readonly commandedAtMs: number;
  readonly conducting: boolean;
  readonly welded: boolean;
}

/** A change of what physics sees. */
export interface ContactorEvent {
  readonly monoMs: number;
  readonly closed: boolean;
}

/** Coil, bounce and checks before a pile reports its contacts closed. */
export const CLOSING_DELAY_MS = 400;
/** Contacts that have never been closed. */
export function openContactor(nowMs: number): Contactor {
  return { command: 'open', commandedAtMs: nowMs, conducting: false, welded: false };
}

/** The contactor after one slice that ends at `nowMs`. Welded contacts conduct whatever is asked. Pure. */
export function stepContactor(
  contactor: Contactor,
  input: { readonly command: 'open' | 'close'; readonly welded: boolean; readonly nowMs: number },
): Contactor {
  const { command, welded, nowMs } = input;
  const commandedAtMs = command === contactor.command ? contactor.commandedAtMs : nowMs;
  return {
    command,
    commandedAtMs,
    welded,
    conducting: welded || obeys(contactor.conducting, command, nowMs - commandedAtMs),
  };
}

/** Contacts part within the slice in which they are told to: IEC 61851-1 asks for at most 100 ms after S2 has opened. */
function obeys(conducting: boolean, command: 'open' | 'close', elapsedMs: number): boolean {
  return command === 'close' && (conducting || elapsedMs >= CLOSING_DELAY_MS);
}
