import { totpCode, totpStep } from '../../cloud/staff/login/totp.ts';
import { fromBase32 } from '../../cloud/testing/staff-person.ts';

/** Somebody of the staff with an authenticator app. A code is good once, and one of a step of 30 s. */
export class Person {
  readonly staffId: string;
  password: string;
  token = '';
  readonly #secret: Buffer;
  readonly #recoveryCodes: string[] = [];
  #lastStep = 0;

  constructor(staffId: string, password: string, totpSecret: string) {
    this.staffId = staffId;
    this.password = password;
    this.#secret = fromBase32(totpSecret);
  }

  /** Null: all that the cloud takes now are used up. */
  freshCode(): string | null {
    const now = totpStep(Date.now());
    const step = Math.max(this.#lastStep + 1, now - 1);
    if (step > now + 1) return null;
    this.#lastStep = step;
    return totpCode(this.#secret, step);
  }

  addRecoveryCodes(codes: readonly string[]): void {
    this.#recoveryCodes.push(...codes);
  }

  /** In place of a code; null: there are none left. */
  recoveryCode = (): string | null => this.#recoveryCodes.pop() ?? null;
}

/** The owners who are logged in: those who confirm what is dangerous. */
export class People {
  readonly #owners: Person[] = [];

  add(owner: Person): void {
    this.#owners.push(owner);
  }

  get all(): readonly Person[] {
    return this.#owners;
  }

  get isNobody(): boolean {
    return this.#owners.length === 0;
  }

  any(index: number): Person | null {
    return this.#owners[index % Math.max(this.#owners.length, 1)] ?? null;
  }

  /** Somebody with a code that is good now, and the code; null: nobody has one. */
  withCode(): { readonly owner: Person; readonly code: string } | null {
    for (const owner of this.#owners) {
      const code = owner.freshCode();
      if (code !== null) return { owner, code };
    }
    return null;
  }
}
