import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { callOf, readWish, type Wish } from './arguments.ts';
import { type Answer, type Ask, StaffConnection } from './client.ts';
import { defaultSessionFile, forgetSession, keepSession, keptSession } from './session-file.ts';
import { readable, readableProblem } from './show.ts';

const USAGE = `npm run staff -- [--url http://…] [--session <file>] [--json] <command>

  first-owner --data <cloud's data folder> staff_id=… name=…
                      invite the first owner; on the cloud's machine alone
  enrol staff_id=…    set password and second factor with an invitation
  login staff_id=…    begin a session with both factors
  logout              end it
  password            change your own password
  actions             what there is to be done, and what you may
  <action> key=value  do it: site.create, partner.suspend, rollout.pause, …
  <what to read> [key=value]
                      alarms limit=5 | sites EAST credentials | audit actor_id=li-na | audit verify

  key=text  key:=json  key=@file (its text)  key:=@file (its JSON)
`;

/** Everything outside the command. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ask: Ask;
  out(text: string): void;
  err(text: string): void;
}

interface Setting {
  readonly terminal: Terminal;
  readonly url: string;
  readonly file: string;
  readonly isJson: boolean;
  readonly dataDir: string | null;
}

const options = {
  url: { type: 'string' },
  session: { type: 'string' },
  data: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

/** Carries out one command of staff. @returns the exit code: 1 when the cloud has refused it, 2 when it was typed wrongly */
export async function runStaff(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const file = values.session ?? defaultSessionFile(terminal.env);
    const url = values.url ?? keptSession(file)?.url ?? 'http://127.0.0.1:8080';
    const setting = { terminal, url, file, isJson: values.json, dataDir: values.data ?? null };
    const wish = readWish(positionals);
    if (wish.words.length === 0) {
      terminal.err(USAGE);
      return 2;
    }
    return await carryOut(setting, wish);
  } catch (error) {
    terminal.err(`${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
}

function carryOut(setting: Setting, wish: Wish): Promise<number> {
  switch (wish.words[0]) {
    case 'first-owner':
      return firstOwner(setting, wish);
    case 'enrol':
      return enrol(setting, needed(wish, 'staff_id'));
    case 'login':
      return logIn(setting, needed(wish, 'staff_id'));
    case 'logout':
      return logOut(setting);
    case 'password':
      return changePassword(setting);
    default:
      return other(setting, wish);
  }
}

async function firstOwner(setting: Setting, wish: Wish): Promise<number> {
  if (setting.dataDir === null) throw new Error("first-owner needs --data, the cloud's data folder on this machine");
  const token = readFileSync(join(setting.dataDir, 'keys', 'staff.token'), 'utf8').trim();
  const body = { staff_id: needed(wish, 'staff_id'), name: needed(wish, 'name') };
  const call = { method: 'POST', path: '/staff/v1/accounts/first', body };
  return tell(setting, await new StaffConnection(setting.url, token).call(call));
}

async function newPassword({ terminal: { ask } }: Setting): Promise<string> {
  const password = await ask('New password: ', 'secret');
  if ((await ask('The same again: ', 'secret')) !== password) throw new Error('the two passwords differ');
  return password;
}

async function enrol(setting: Setting, staffId: string): Promise<number> {
  const { ask, out } = setting.terminal;
  const connection = new StaffConnection(setting.url, null);
  const invited = { staff_id: staffId, invitation: await ask('Invitation: ', 'secret') };
  const password = await newPassword(setting);
  const begun = await connection.call({
    method: 'POST',
    path: '/staff/v1/invitations/begin',
    body: { ...invited, password },
  });
  if (begun.status !== 200) return tell(setting, begun);
  out(`Put this into an authenticator app:\n${readable(begun.body)}`);
  const code = await ask('Code: ', 'shown');
  const body = { ...invited, code };
  return tell(setting, await connection.call({ method: 'POST', path: '/staff/v1/invitations/finish', body }));
}

async function logIn(setting: Setting, staffId: string): Promise<number> {
  const { ask, out } = setting.terminal;
  const password = await ask('Password: ', 'secret');
  const code = await ask('Code, or a recovery code: ', 'shown');
  const session = await new StaffConnection(setting.url, null).logIn(staffId, password, code);
  if (!('token' in session)) return tell(setting, session);
  keepSession(setting.file, { url: setting.url, token: session.token, staffId });
  out(`${staffId} is logged in at ${setting.url}; the session is kept in ${setting.file}\n`);
  return 0;
}

async function changePassword(setting: Setting): Promise<number> {
  const { ask } = setting.terminal;
  const connection = connectionOf(setting);
  const password = await ask('Present password: ', 'secret');
  const wish = { password, new_password: await newPassword(setting), code: await ask('Code: ', 'shown') };
  return tell(setting, await connection.call({ method: 'POST', path: '/staff/v1/password', body: wish }));
}

async function logOut(setting: Setting): Promise<number> {
  const answer = await connectionOf(setting).call({ method: 'DELETE', path: '/staff/v1/sessions/current', body: null });
  forgetSession(setting.file);
  return tell(setting, answer);
}

async function other(setting: Setting, wish: Wish): Promise<number> {
  const connection = connectionOf(setting);
  const routes = await connection.routes();
  if ('status' in routes) return tell(setting, routes);
  return tell(setting, await connection.callConfirmed(callOf(routes, wish), setting.terminal.ask));
}

function connectionOf({ file, url }: Setting): StaffConnection {
  const session = keptSession(file);
  if (session === null) throw new Error('nobody is logged in: login staff_id=…');
  // A token goes to the cloud that has given it, and to no other.
  if (session.url !== url) throw new Error(`the session is of ${session.url}: log in at ${url}`);
  return new StaffConnection(url, session.token);
}

function tell({ terminal, isJson }: Setting, { status, body }: Answer): number {
  const isDone = status < 300;
  const text = isJson ? `${JSON.stringify(body)}\n` : isDone ? readable(body) : readableProblem(body, status);
  terminal[isDone || isJson ? 'out' : 'err'](text);
  return isDone ? 0 : 1;
}

function needed({ fields }: Wish, key: string): string {
  const value = fields[key];
  if (typeof value !== 'string' || value === '') throw new Error(`${key}=… is needed`);
  return value;
}
