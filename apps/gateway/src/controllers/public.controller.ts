import type { PublicReadModels } from '@gridtokenx/runtime';
import { Controller, Inject } from '@nestjs/common';
import { publicRoutes } from '../openapi/public-routes.js';
import { HREFS, READ_MODELS } from '../parts.js';
import { AnchorProofs } from '../read/anchor-proofs.js';
import { Heights } from '../read/heights.js';
import type { Hrefs } from '../read/views.js';
import { ListController, serve } from './list-controller.js';

/** What only the public ledger answers. */
@Controller()
export class PublicController extends ListController<PublicReadModels, AnchorProofs> {
  constructor(
    @Inject(READ_MODELS) readModels: PublicReadModels,
    @Inject(HREFS) hrefs: Hrefs,
    @Inject(Heights) heights: Heights,
    @Inject(AnchorProofs) anchorProofs: AnchorProofs,
  ) {
    super(readModels, { hrefs, more: anchorProofs }, heights);
  }
}

serve(PublicController, publicRoutes);
