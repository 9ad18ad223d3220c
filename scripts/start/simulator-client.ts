/** What the simulator knows to be true of a pile, whatever the pile reports. */
export interface PileTruth {
  readonly pileId: string;
  readonly plugged: boolean;
  readonly contactorClosed: boolean;
  readonly powerW: number;
  /** Energy that has flowed since the simulator began, with fractions. */
  readonly energyTruthWh: number;
  /** What the pile's meter register says now. */
  readonly reportedRegisterWh: number;
}

/** The simulator's control API. */
export class SimulatorClient {
  readonly #url: string;

  constructor(controlUrl: string) {
    this.#url = controlUrl;
  }

  async truth(pileId: string): Promise<PileTruth> {
    const { piles }: { piles: PileTruth[] } = await this.#call('GET', '/truth');
    const pile = piles.find((candidate) => candidate.pileId === pileId);
    if (pile === undefined) throw new Error(`the simulator has no pile ${pileId}`);
    return pile;
  }

  plug(pileId: string, vehicle: object = {}): Promise<unknown> {
    return this.#call('PUT', `/piles/${pileId}/vehicle`, { plugged: true, ...vehicle });
  }

  unplug(pileId: string): Promise<unknown> {
    return this.#call('PUT', `/piles/${pileId}/vehicle`, { plugged: false });
  }

  async inject(pileId: string, fault: object): Promise<string> {
    const { faultId }: { faultId: string } = await this.#call('POST', `/piles/${pileId}/faults`, fault);
    return faultId;
  }

  async injectLock(lockId: string, fault: object): Promise<string> {
    const { faultId }: { faultId: string } = await this.#call('POST', `/locks/${lockId}/faults`, fault);
    return faultId;
  }

  /** Whether a car stands above the lock. */
  occupyBay(lockId: string, occupied: boolean): Promise<unknown> {
    return this.#call('PUT', `/locks/${lockId}/bay`, { occupied });
  }

  /** Where its arm is: 0 down, 1 up. */
  lock(lockId: string): Promise<{ readonly position: number }> {
    return this.#call('GET', `/locks/${lockId}`);
  }

  clear(faultId: string): Promise<unknown> {
    return this.#call('DELETE', `/faults/${faultId}`);
  }

  async #call<Reply>(method: string, path: string, body?: object): Promise<Reply> {
    const reply = await fetch(this.#url + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`simulator: ${method} ${path}: ${reply.status} ${text}`);
    return text === '' ? (undefined as Reply) : JSON.parse(text);
  }
}
