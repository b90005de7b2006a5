import { expectedFlows, type ExpectedFlow, type MeterPlace } from '@gridtokenx/chain';
import { legsOf } from '@gridtokenx/protocol';
import type { NetworkSources } from '@gridtokenx/runtime';

/** What operators have to expect, from what the read models hold. */
export function flowsOf({ contracts, orders, links, pairs, meters }: NetworkSources): readonly ExpectedFlow[] {
  const ends = new Map(links.map(({ link, ...zones }) => [link, zones]));
  const routes = new Map(pairs.map(({ fromZone, toZone, route }) => [`${fromZone} ${toZone}`, route]));
  const places = new Map<string, MeterPlace[]>();
  for (const { account, zone, ...place } of meters) {
    const key = `${account} ${zone}`;
    const known = places.get(key);
    if (known === undefined) places.set(key, [place]);
    else known.push(place);
  }
  return expectedFlows({
    contracts,
    orders,
    legsOf: (fromZone, toZone) => {
      if (fromZone === toZone) return [];
      const route = routes.get(`${fromZone} ${toZone}`);
      return route && legsOf(fromZone, toZone, route, (link) => ends.get(link));
    },
    metersOf: (account, zone) => places.get(`${account} ${zone}`) ?? [],
  });
}

export const flowBody = ({ contractedWh, askedWh, bidWh, ...flow }: ExpectedFlow): object => ({
  ...flow,
  contractedWh: String(contractedWh),
  askedWh: String(askedWh),
  bidWh: String(bidWh),
});
