export { createGateway, type Gateway } from './create-gateway.js';
export { openApiDocument } from './openapi/document.js';
export { DEFAULT_LIMITS, type GatewayLimits, type GatewayParts } from './parts.js';
