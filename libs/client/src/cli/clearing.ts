import { formatDecimal } from '@gridtokenx/kernel';
import { verifyClearings, type ToldClearing } from '../verify-clearing.js';
import { EXIT, usage, type Command } from './command.js';
import { anchorOf, clientOf, genesisOption, refuse, urlOption } from './shared.js';

const thb = (ticks: number): string => formatDecimal(BigInt(ticks), 2, 2);
const end = (ticks: number | undefined): string => (ticks === undefined ? 'open' : thb(ticks));

function describe({ cleared }: ToldClearing): string {
  const { mechanism, phase, fromZone, toZone, interval, volumeWh, capWh, priceTicks, lowTicks, highTicks } = cleared;
  const book = `${mechanism} ${phase} ${fromZone} > ${toZone} ${interval}`;
  const cap = capWh === undefined ? '' : `, of at most ${formatDecimal(BigInt(capWh), 3, 3)} kWh`;
  return [
    `right: ${book}`,
    `  ${formatDecimal(BigInt(volumeWh), 3, 3)} kWh at ${end(priceTicks)} THB/kWh, between ${end(lowTicks)} and ${end(highTicks)}${cap}`,
    `  ${cleared.bids} bids, ${cleared.asks} asks, ${cleared.trades} trades, marginal rule ${cleared.marginal}`,
  ].join('\n');
}

export const verifyClearing: Command = {
  name: 'verify clearing',
  about:
    'check the auctions that were cleared in a block again, from blocks that are each proven from the first one on',
  options: {
    genesis: { ...genesisOption, required: true },
    url: { ...urlOption, about: 'a gateway that gives the blocks; it is not believed', required: true },
    height: { value: 'HEIGHT', about: 'of the block', required: true },
  },
  examples: ['verify clearing --genesis genesis.json --url http://127.0.0.1:8080 --height 812'],
  run: async (context) => {
    const height = context.need('height');
    if (!/^[1-9]\d{0,14}$/.test(height)) throw usage(`--height ${height} is not the height of a block`);
    const client = clientOf(context);
    const told = await verifyClearings((at) => client.blockRecord(at), anchorOf(context), Number(height));
    if (told.length === 0) return refuse(context, 'clearing.none', `nothing was cleared in block ${height}`);
    const wrong = told.find(({ fault }) => fault !== undefined);
    if (wrong?.fault !== undefined) {
      const { code, about } = wrong.fault;
      const { fromZone, toZone, interval } = wrong.cleared;
      return refuse(context, code, `${fromZone} > ${toZone} ${interval}${about === '' ? '' : `, order ${about}`}`, {
        cleared: wrong.cleared,
      });
    }
    context.say(told.map(describe).join('\n'), { valid: true, clearings: told.map(({ cleared }) => cleared) });
    return EXIT.ok;
  },
};
