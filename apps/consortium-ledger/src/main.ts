import { runLedgerNode } from '@gridtokenx/ledger-node';

runLedgerNode('consortium');
