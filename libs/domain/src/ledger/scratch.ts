export { ScratchWriter, type RowWriter } from '@gridtokenx/kernel';
