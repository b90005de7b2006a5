export { checkClearing, type ClaimedClearing, type ClearingFault, type ClearingFaultCode } from './check.js';
export { clearAuction } from './clear.js';
export { curveOf, thinned, type CurveStep } from './curve.js';
export { ClearingWatch, publishedCurve, type ToldClearing, type ToldFaultCode } from './told.js';
export {
  inPriority,
  type AuctionFill,
  type AuctionOrder,
  type AuctionTerms,
  type Clearing,
  type PriceInterval,
} from './order.js';
