import type { LedgerModule } from '../ledger/module.js';
import { executeMarket, MARKET_OPERATIONS } from './execute.js';
import { closeWhatHasEnded } from './hooks.js';
import type { MarketState } from './state.js';

export const marketModule = (market: MarketState): LedgerModule<(typeof MARKET_OPERATIONS)[number]> => ({
  name: 'market',
  operations: MARKET_OPERATIONS,
  execute: (context, operation) => executeMarket(market, context, operation),
  atStart: (context) => {
    market.beginBlock();
    closeWhatHasEnded(market, context);
  },
  audit: () => market.audit(),
});
