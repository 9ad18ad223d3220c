import { openStreamClient } from '../../../cloud/testing/stream-client.ts';
import { machineClock } from '../../../cloud/testing/test-clock.ts';
import { errorCatalogue } from '../../../shared/errors.ts';
import { bearerCaller } from '../callers.ts';
import { Person } from '../people.ts';
import { fieldOf, textOf } from '../told.ts';
import { BrokenOff, type Walk } from '../walk.ts';

const WHO = { requested_by: 'z' };
const WHY = { reason: 'fuzz' };
const NOT_YET = { after_min: 60 };

/** Where alerts go, and when. */
export async function alerts(walk: Walk): Promise<void> {
  const made = await walk.ask('POST /staff/v1/alert-channels', walk.staff(), {
    body: {
      channel_id: walk.parts.fresh('channel'),
      name: 'fuzz',
      language: 'en',
      settings: { kind: 'webhook', url: walk.parts.stage.hookUrl },
    },
  });
  const channelId = textOf(made, 'channel_id');
  const path = { channel_id: channelId };
  await walk.ask('POST /staff/v1/alert-channels/{channel_id}/test', walk.staff(), { path, body: {} });
  await walk.ask('GET /staff/v1/alert-channels', walk.staff());
  const rotaId = walk.parts.fresh('rota');
  await walk.ask('PUT /staff/v1/alert-settings/rotas/{rota_id}', walk.staff(), {
    path: { rota_id: rotaId },
    body: { rota: { shifts: [], otherwise: [channelId] } },
  });
  await walk.confirmed('PUT /staff/v1/alert-settings/chains/{level}', {
    path: { level: 'warning' },
    body: { chain: { steps: [{ ...NOT_YET, tell: [{ rota: rotaId }] }], repeat: null, quiet_hours: null }, ...WHY },
  });
  await walk.confirmed('PUT /staff/v1/alert-settings/levels/{code}', {
    path: { code: 'site.offline' },
    body: { level: 'info', ...WHY },
  });
  await walk.confirmed('POST /staff/v1/alert-channels/{channel_id}/disable', { path, body: WHY });
  await walk.ask('POST /staff/v1/alert-channels/{channel_id}/enable', walk.staff(), { path, body: {} });
  await walk.confirmed('POST /staff/v1/alert-channels/{channel_id}/delete', { path, body: WHY });
}

const isOpen = (one: unknown): boolean => fieldOf(one, 'closed_at') === null;
const openIn = (list: unknown, name: string): unknown => [fieldOf(list, name)].flat().find(isOpen);

/** What is wrong at a site, and who was told of it, as staff take it up and put it away: with one the other is over. */
export async function alarms(walk: Walk): Promise<void> {
  await walk.parts.stage.site.raiseAlarm();
  const list = 'GET /staff/v1/alerts';
  const told = await walk.until(list, walk.staff(), {}, (found) => openIn(found, 'alerts') !== undefined);
  const handle = async (what: string, path: Record<string, string>): Promise<void> => {
    await walk.look(`POST /staff/v1/${what}/acknowledge`, walk.staff(), { path, body: WHO });
    await walk.look(`POST /staff/v1/${what}/close`, walk.staff(), { path, body: { ...WHO, ...WHY } });
  };
  await handle('alerts/{alert_id}', { alert_id: textOf(openIn(told, 'alerts'), 'alert_id') });
  await walk.parts.stage.site.raiseAlarm();
  const seen = await walk.ask('GET /staff/v1/alarms', walk.staff());
  await handle('alarms/{alarm_id}', { alarm_id: textOf(openIn(seen, 'alarms'), 'alarm_id') });
}

/** A ticket from its opening to its close, and opened once more. */
export async function tickets(walk: Walk): Promise<void> {
  const made = await walk.ask('POST /staff/v1/tickets', walk.staff(), { body: { title: 'fuzz', ...WHO } });
  const path = { ticket_id: textOf(made, 'ticket_id') };
  const base = 'POST /staff/v1/tickets/{ticket_id}';
  await walk.ask(`${base}/comment`, walk.staff(), { path, body: { comment: 'fuzz', ...WHO } });
  await walk.ask(`${base}/change`, walk.staff(), { path, body: { priority: 'high', ...WHO } });
  await walk.ask(`${base}/link`, walk.staff(), {
    path,
    body: { links: [{ kind: 'site', id: walk.parts.stage.site.siteId }], ...WHO },
  });
  for (const move of ['begin', 'wait', 'begin', 'resolve', 'close', 'reopen'])
    await walk.look(`${base}/move`, walk.staff(), { path, body: { move, comment: 'fuzz', ...WHO } });
  await walk.ask('GET /staff/v1/tickets/{ticket_id}', walk.staff(), { path });
}

export async function errorPages(walk: Walk): Promise<void> {
  await walk.ask('GET /errors', walk.nobody());
  await walk.ask('GET /errors/{code}', walk.nobody(), { path: { code: walk.dice.pick(Object.keys(errorCatalogue)) } });
}

/** A WebSocket is no answer that a document can be held against: what comes is read by its schema. */
export async function statusStream(walk: Walk): Promise<void> {
  const { key } = walk.partner();
  const client = await openStreamClient(walk.parts.stage.cloud.ready.httpUrl, machineClock, key);
  try {
    for (let polls = 0; polls < 50 && client.messages.length === 0; polls += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    if (client.messages.length === 0) throw new BrokenOff('the stream says nothing');
    walk.parts.shooter.countStream('GET /v1/status-stream');
  } finally {
    client.close();
  }
}

/** @throws BrokenOff when all codes are used up */
function codeOf(person: Person): string {
  const code = person.freshCode();
  if (code === null) throw new BrokenOff('no code');
  return code;
}

/** From an invitation to a session. */
async function enrolled(walk: Walk, staffId: string, invitation: string): Promise<Person> {
  const password = `Fuzz-${walk.dice.uuid()}`;
  const invited = { staff_id: staffId, invitation };
  const begun = await walk.look('POST /staff/v1/invitations/begin', walk.nobody(), { body: { ...invited, password } });
  const person = new Person(staffId, password, textOf(begun, 'totp_secret'));
  walk.parts.shooter.keepSecret(password);
  const done = await walk.look('POST /staff/v1/invitations/finish', walk.nobody(), {
    body: { ...invited, code: codeOf(person) },
  });
  const codes = fieldOf(done, 'recovery_codes');
  person.addRecoveryCodes(Array.isArray(codes) ? codes.map(String) : []);
  await loggedIn(walk, person);
  return person;
}

/** By a recovery code: those of the app are for what has to be confirmed. */
async function loggedIn(walk: Walk, person: Person): Promise<void> {
  const { staffId, password } = person;
  const session = await walk.ask('POST /staff/v1/sessions', walk.nobody(), {
    body: { staff_id: staffId, password, recovery_code: person.recoveryCode() ?? '-' },
  });
  person.token = textOf(session, 'token');
}

/** A further owner, who confirms what is dangerous. */
export async function owner(walk: Walk): Promise<void> {
  const { stage, people } = walk.parts;
  const staffId = walk.parts.fresh('owner');
  const invited = await walk.look('POST /staff/v1/accounts/first', bearerCaller(stage.staffToken), {
    body: { staff_id: staffId, name: 'Fuzz' },
  });
  people.add(await enrolled(walk, staffId, textOf(invited, 'invitation')));
}

/** Somebody of the staff comes, changes what they log in with, and goes; owners see to them. */
export async function account(walk: Walk): Promise<void> {
  const staffId = walk.parts.fresh('person');
  const body = { staff_id: staffId, name: 'Fuzz', role: walk.dice.pick(['support', 'finance', 'technician']) };
  const invited = await walk.confirmed('POST /staff/v1/accounts', { body });
  const person = await enrolled(walk, staffId, textOf(invited, 'invitation'));
  const self = () => bearerCaller(person.token);
  const password = `Fuzz-${walk.dice.uuid()}`;
  await walk.look('POST /staff/v1/password', self(), {
    body: { password: person.password, code: codeOf(person), new_password: password },
  });
  person.password = password;
  walk.parts.shooter.keepSecret(password);
  await walk.look('DELETE /staff/v1/sessions/current', self());
  await loggedIn(walk, person);
  await walk.look('DELETE /staff/v1/sessions/all', self());
  await walk.ask('GET /staff/v1/accounts', walk.staff());
  const path = { staff_id: staffId };
  const anOwner = walk.parts.people.any(walk.dice.between(0, 100));
  if (anOwner === null) throw new BrokenOff('there is no owner');
  await walk.ask('POST /staff/v1/accounts/{staff_id}/end-sessions', bearerCaller(anOwner.token), { path, body: {} });
  await walk.confirmed('POST /staff/v1/accounts/{staff_id}/role', { path, body: { role: 'legal' } });
  await walk.confirmed('POST /staff/v1/accounts/{staff_id}/invite', { path, body: {} });
  await walk.confirmed('POST /staff/v1/accounts/{staff_id}/disable', { path, body: {} });
}
