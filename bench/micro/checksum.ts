export async function benchChecksums(_words: readonly string[]): Promise<number> {
  return 0;
}
