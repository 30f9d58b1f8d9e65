/** Cells of tables that hold nothing, in whatever words. */

const nothing = /^(?:nan|n\/a|#n\/a|na|<na>|null|nil|\.|-{1,3})?$/i;
/** What published tables write where a name was taken out. */
const nobody = /^(?:none|unknown|anonymous|anonymi[sz]ed|anon|removed|not available)$/i;

export const isMissing = (cell: string): boolean => nothing.test(cell);

/** The same of a cell that names a patient: who is unknown is not one person. */
export const isNobody = (cell: string): boolean => nothing.test(cell) || nobody.test(cell);
