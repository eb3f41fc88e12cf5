export default {
  typescript: { rewritePaths: { 'src/': 'dist/src/', 'test/': 'dist/test/', 'bench/': 'dist/bench/' }, compile: false },
  files: ['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'],
  workerThreads: false,
  timeout: '3m',
};
