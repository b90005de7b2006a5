import type { LedgerKind } from '@gridtokenx/protocol';
import { Controller, Get, Inject, Query } from '@nestjs/common';
import { parseQuery } from '../http/query.js';
import { openApiDocument } from '../openapi/document.js';
import * as schemas from '../openapi/schemas.js';
import { LEDGERS } from '../parts.js';

/** This interface, of all ledgers that the gateway serves. */
@Controller()
export class OpenApiController {
  constructor(@Inject(LEDGERS) private readonly ledgers: readonly LedgerKind[]) {}

  @Get('openapi.json')
  openApi(@Query() query: unknown): object {
    parseQuery(schemas.emptyQuery, query);
    return openApiDocument(this.ledgers);
  }
}
