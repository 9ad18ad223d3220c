import type { AddIssue } from '../devices/profile/checks.ts';
import type { LineConfig, MeterConfig, PileConfig, SiteShape } from './site.ts';
import { checkAccess } from './site-access.ts';
import { checkCloud } from './site-cloud.ts';
import { checkSiteIo } from './site-io.ts';
import { checkPower } from './site-power.ts';

/** What holds between the parts of a site's file, whatever the profiles say. */
export function checkSite(site: SiteShape, add: AddIssue, isInForce = false): void {
  checkNames(site, add);
  checkUnique(site.lines, endpointOf, (i, key, first) =>
    add(['lines', i], `${key} belongs to lines.${first}: one owner per port`),
  );
  for (const part of ['piles', 'meters', 'parking', 'io', 'readers'] as const) {
    site[part].forEach(({ lineId }, i) => {
      if (!site.lines.some((line) => line.lineId === lineId)) add([part, i, 'lineId'], `no line is named "${lineId}"`);
    });
  }
  checkAddresses(site, add);
  checkMeters(site, add);
  site.parking.forEach(({ connectorId }, i) => {
    if (!site.piles.some((pile) => pile.connectorId === connectorId))
      add(['parking', i, 'connectorId'], `no pile has the connector "${connectorId}"`);
  });
  const connectorIds = site.piles.map(({ connectorId }) => connectorId);
  checkSiteIo(site.io, connectorIds, add);
  if (site.power !== undefined) checkPower(site.power, site, add);
  checkAccess(site, add);
  checkCloud(site.cloud, add, isInForce);
}

function checkNames(site: SiteShape, add: AddIssue): void {
  const checkName = <Item>(part: keyof SiteShape, items: readonly Item[], name: keyof Item & string) =>
    checkUnique(
      items,
      (item) => String(item[name]),
      (i, key, first) => add([part, i, name], `"${key}" is ${part}.${first} already`),
    );
  checkName('lines', site.lines, 'lineId');
  checkName('piles', site.piles, 'pileId');
  checkName('piles', site.piles, 'connectorId');
  checkName('meters', site.meters, 'meterId');
  checkName('parking', site.parking, 'deviceId');
  checkName('io', site.io, 'boardId');
  checkName('readers', site.readers, 'readerId');
}

const endpointOf = (line: LineConfig) => (line.transport === 'serial' ? line.path : `${line.host}:${line.port}`);
const unitAt = ({ unit, lineId }: { unit?: number | undefined; lineId: string }) => `unit ${unit} on ${lineId}`;
const meterAt = (meter: MeterConfig) =>
  meter.address === undefined ? unitAt(meter) : `address ${meter.address} on ${meter.lineId}`;
const placeOf = (pile: PileConfig) => `${unitAt(pile)}${pile.socket === undefined ? '' : `, socket ${pile.socket},`}`;

/** Two devices with one address would answer at once, or one would be driven by two owners. */
function checkAddresses(site: SiteShape, add: AddIssue): void {
  checkUnique(site.piles, placeOf, (i, key, first) => add(['piles', i, 'unit'], `${key} is piles.${first} already`));
  site.piles.forEach((pile, i) => {
    const whole = site.piles.findIndex((other) => other.socket === undefined && unitAt(other) === unitAt(pile));
    if (pile.socket !== undefined && whole >= 0)
      add(['piles', i, 'unit'], `${unitAt(pile)} is piles.${whole} already, without a socket`);
  });
  site.meters.forEach((meter, i) => {
    if ((meter.unit === undefined) === (meter.address === undefined))
      add(['meters', i], 'say either "unit" (Modbus) or "address" (DL/T 645)');
    const pile = site.piles.findIndex((other) => unitAt(other) === unitAt(meter));
    if (pile >= 0) add(['meters', i, 'unit'], `${unitAt(meter)} is piles.${pile} already`);
  });
  site.io.forEach((board, i) => {
    for (const part of ['piles', 'meters'] as const) {
      const other = site[part].findIndex((device) => unitAt(device) === unitAt(board));
      if (other >= 0) add(['io', i, 'unit'], `${unitAt(board)} is ${part}.${other} already`);
    }
  });
  checkUnique(site.io, unitAt, (i, key, first) => add(['io', i, 'unit'], `${key} is io.${first} already`));
  checkUnique(site.meters, meterAt, (i, key, first) => add(['meters', i], `${key} is meters.${first} already`));
  checkUnique(
    site.parking,
    ({ address, lineId }) => `address ${address} on ${lineId}`,
    (i, key, first) => add(['parking', i, 'address'], `${key} is parking.${first} already`),
  );
}

/** One connector's energy must never be in another one's bill. */
function checkMeters(site: SiteShape, add: AddIssue): void {
  for (const [i, { meterId }] of site.piles.entries()) {
    if (meterId === undefined) continue;
    if (!site.meters.some((meter) => meter.meterId === meterId))
      add(['piles', i, 'meterId'], `no meter is named "${meterId}"`);
    const first = site.piles.findIndex((other) => other.meterId === meterId);
    if (first < i) add(['piles', i, 'meterId'], `"${meterId}" bills for piles.${first} already`);
  }
}

function checkUnique<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  complain: (index: number, key: string, first: number) => void,
): void {
  items.forEach((item, index) => {
    const first = items.findIndex((other) => keyOf(other) === keyOf(item));
    if (first < index) complain(index, keyOf(item), first);
  });
}
