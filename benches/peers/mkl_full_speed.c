/* MKL takes a slow path on processors that are not Intel's. Preloaded, this answer lets it use the
 * full AVX-512 path on all: `cc -shared -fPIC`. */
int mkl_serv_intel_cpu_true(void) {
    return 1;
}
