# How the addon is compiled. native/build-addon.mjs runs it in a work directory beside this file; `node-gyp rebuild -C native` works too.
# Raw system calls and Node-API only: one binary for every Node, no library beside libc and libstdc++ (prebuilt: beside libc).
{
  'variables': {
    'sanitize%': '',
    # A folder that build-prebuilds.mjs made: a libc.so.6 of old versions to link to, and the list of what is exported.
    'standalone%': '',
  },
  'targets': [
    {
      'target_name': 'ringmaster',
      'sources': [
        '<!@(node -p "require(\'fs\').readdirSync(\'src\').filter((name) => name.endsWith(\'.cc\')).sort().map((name) => \'src/\' + name).join(\' \')")',
      ],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
      'defines': [
        'NAPI_VERSION=8',
        'NAPI_DISABLE_CPP_EXCEPTIONS',
        'NODE_ADDON_API_DISABLE_DEPRECATED',
        # In a thread that is being terminated nothing can be thrown any more. That must not end the process.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      'cflags_cc': [
        '-std=gnu++20',
        '-O2',
        '-fvisibility=hidden',
        '-fno-exceptions',
        # No path of the machine that compiled it inside the binary.
        '-ffile-prefix-map=../src=native/src',
        '-Wall',
        '-Wextra',
        # Errors only where the warning is always a bug: a newer compiler must not break somebody's install.
        '-Werror=format',
        '-Werror=implicit-fallthrough',
        '-Werror=overflow',
        '-Werror=return-type',
        '-Werror=switch',
        '-Werror=uninitialized',
        '-Werror=unused-result',
        '-Werror=vla',
      ],
      # Never unloaded: a thread's end must not take the executor's signal handler from the others.
      'ldflags': ['-Wl,-z,relro,-z,now', '-Wl,-z,nodelete'],
      'conditions': [
        # For every glibc and musl: no libstdc++.so, no version of a symbol of libc that is younger than the oldest Node's, and no helper
        # for atomic operations in libgcc, which asks glibc for the CPU's features.
        ['standalone!=""', {
          'defines': ['RINGMASTER_STANDALONE'],
          # musl 1.2.4 has no mmap64() to link to; off_t has 64 bits anyway.
          'cflags': ['-U_FILE_OFFSET_BITS', '-ffunction-sections', '-fdata-sections'],
          'cflags!': ['-fno-omit-frame-pointer'],
          'ldflags': [
            '-nodefaultlibs',
            '-Wl,--gc-sections,--strip-all,--build-id=sha1,--exclude-libs,ALL',
            '-Wl,--version-script=<(standalone)/exports.map',
          ],
          'libraries': ['-l:libstdc++.a', '<(standalone)/libc.so.6', '-lgcc'],
          'conditions': [['target_arch=="arm64"', { 'cflags': ['-mno-outline-atomics'] }]],
        }],
        ['sanitize!=""', {
          'cflags_cc': [
            '-O1',
            '-g',
            '-fno-omit-frame-pointer',
            '-fsanitize=<(sanitize)',
          ],
          'ldflags': ['-fsanitize=<(sanitize)'],
        }],
        # A finding of UBSan ends the process, as one of ASan does; object-size is left to ASan, which says more, and vptr needs RTTI.
        # UBSan's runtime is linked in, unseen: shared, it would take its report file from ASan's, and write none.
        ['sanitize=="address,undefined"', {
          'cflags_cc': ['-fno-sanitize-recover=undefined', '-fno-sanitize=object-size,vptr'],
          'ldflags': ['-static-libubsan', '-Wl,--exclude-libs,ALL'],
        }],
      ],
    },
  ],
}
