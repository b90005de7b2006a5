import { runLedgerNode } from '@gridtokenx/ledger-node';

runLedgerNode('public');
