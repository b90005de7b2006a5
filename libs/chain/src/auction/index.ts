export { checkClearing, type ClaimedClearing, type ClearingFault, type ClearingFaultCode } from './check.js';
export { clearAuction } from './clear.js';
export { curveOf, thinned, type CurveStep } from './curve.js';
export {
  inPriority,
  MARGINAL_RULES,
  type AuctionFill,
  type AuctionOrder,
  type AuctionTerms,
  type Clearing,
  type MarginalRule,
  type PriceInterval,
} from './order.js';
