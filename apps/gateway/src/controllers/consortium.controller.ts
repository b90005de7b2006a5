import type { ReadModels } from '@gridtokenx/runtime';
import { Controller, Inject } from '@nestjs/common';
import { consortiumListRoutes } from '../openapi/consortium-list-routes.js';
import { HREFS, READ_MODELS } from '../parts.js';
import { Heights } from '../read/heights.js';
import { Tariffs } from '../read/tariffs.js';
import type { Hrefs } from '../read/views.js';
import { ListController, serve } from './list-controller.js';

/** Rules, tariffs, the network, auctions, contracts and settlement. */
@Controller()
export class ConsortiumController extends ListController<ReadModels, Tariffs> {
  constructor(
    @Inject(READ_MODELS) readModels: ReadModels,
    @Inject(HREFS) hrefs: Hrefs,
    @Inject(Heights) heights: Heights,
    @Inject(Tariffs) tariffs: Tariffs,
  ) {
    super(readModels, { hrefs, more: tariffs }, heights);
  }
}

serve(ConsortiumController, consortiumListRoutes);
