#ifndef PROVIDER_GOOGLE_KEY_H
#define PROVIDER_GOOGLE_KEY_H

/* A key made for these tests; it opens nothing. */
#define GOOGLE_PEM                                                             \
	"-----BEGIN PRIVATE KEY-----\\n" \
	"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCVyAamipeNrNsR\\n" \
	"5Q+97+2w+snvtuejLUQlcyrspFD3UlHULYHlYj7baA/6iDaND0+2IgfWeCq5eWVP\\n" \
	"DtzegoXNiVGgYHu/IqaeHQHEQwUr3lWXrwmWLNGCogRKxDvHSZht3X+k4t6dnBSq\\n" \
	"pLVnFWTxk2zVMbpaM+g1NGWaEZHMYAWAzo3pKiDet/gfdTrqhjzoSCUAWrf2TRbE\\n" \
	"6MZJ0mOCRdnTdEcj3Qtz1Xfr/lhmeSUMdxIbvroFsgbDuOP35oFv5N2e4s6L775r\\n" \
	"uBF+efwGJm0Oa+O8WBk+NjLkuvp2zytARhSfAv0V/Kk4X3PAui2/QsIWwRG+s7DL\\n" \
	"ioyJNuWHAgMBAAECggEANuYS8fX4aJhDz4JKy85mK6kwXOmIa3nK8YMN56CugIgu\\n" \
	"r/tiEgZ5jYfN24ETpY5IJDTC9Kwk1MiXBmwnLnNewaAkSAk1MjBsK6XsINiDy7l5\\n" \
	"W9hvRhj1TdE+i3zzgC8MbLBz+aah+9jahlVKnBbuYdEsYdQRPsCpyt6Cov7vlp3H\\n" \
	"oUTkea5We/Ev0mqsdRa4BMVkobonW6/ZVgpC79z7xWMusnvZojwhZol9K0A1xJtL\\n" \
	"MMyP8Tz+Hd9nWt/GURN70ZeM7tcHLGHrmN7ciqurcosu2+7TrdbPwMMTbBeQQs/I\\n" \
	"zkrZ9d9WclUMH23v3J3StRpQEIZAYkn9Fae86Bkt0QKBgQDLRN2wFJjrmQP5qsbu\\n" \
	"u5Iq37wBTJ3owA7hTFg5mrgOQTMF6W3QcmT+oR8Bm2ZUltz+NRFUw1VFlPmYDaA4\\n" \
	"+fA/z0WJYZPZxs7uratx4lOkATW2L9KFBHo52dSj48Co+2IZUBBUoeh6zauqe5ty\\n" \
	"Uxekvu2YmePETUw3mMjjYA0zPwKBgQC8owjQ+LKVyvdMLxq8xSU7SxvZc3yZGHmP\\n" \
	"MkB1ugx+N5FUXCjXzVGwAwjIWN7aogncTY7ZBkw9Qg6a9SeLJkUnXe96Ml/ZDntN\\n" \
	"nlQDOqd3h+FdDFgAgsmz30Bb6SXso2wtznN+8yrwa0Gs9WB2gQCtvOoC6O/r/0VQ\\n" \
	"CxzyEcTjuQKBgCMN30VMaArJOpxFzUTCaDSonN2Efv7ykB5eciCNBAzBRbFRTjTS\\n" \
	"ZYRb+OLoD7+qvLXCJRj/DqePR3Pndagdwkbe0dkdUMgPtwQGQzjClTYFV2Px31Y9\\n" \
	"LW7ol/kjf8gkgghnfEl8GoGDEoW2B1qx5bPtkT/t2g+yXOCBorNDj0M1AoGAYycP\\n" \
	"K0iOFk5pTpIz66V0vIXuTY52n8JNowc2+qqghneO3FjU3xn9JhdyNl0ARsuFg1cB\\n" \
	"DvJQgKKIKstRzcJ/9wFZL1HrL5x9E391iXz7KckynEYwu5QDkZh3q9gRJyF/a1Rp\\n" \
	"QQFwQI8gJlmUKrYENU5ncsAd3F6BgGFXBaZxZ4ECgYEApfsWr93iJQ5w1gpkPV63\\n" \
	"oLG+OUetnRmrzxznZRrUzNZw8F4pwdD+3zdKwDp/G5oXDL/FFmNj/VxlsEAoRTM7\\n" \
	"ijS9D8JsBunI3bFlrRWSssSQpw7nGtxgUrVYz2J+7PL45V21AHOOTH0ddj76Eugw\\n" \
	"ko98SNP4dvg4JZb3uumt1c0=\\n" \
	"-----END PRIVATE KEY-----\\n"

#define GOOGLE_ACCOUNT_AT(uri)                                                 \
	"{\"type\":\"service_account\",\"project_id\":\"proj-1\","             \
	"\"private_key_id\":\"kid-1\",\"private_key\":\"" GOOGLE_PEM           \
	"\",\"client_email\":\"robot@proj-1.iam.gserviceaccount.com\","        \
	"\"token_uri\":\"" uri "\"}"
#define GOOGLE_ACCOUNT GOOGLE_ACCOUNT_AT("https://oauth2.googleapis.com/token")

/*
 * What it says at 1700000000, put together and signed by another program:
 * openssl dgst -sha256 -sign.
 */
#define GOOGLE_ASSERTION                                                       \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImtpZC0xIn0.eyJp" \
	"c3MiOiJyb2JvdEBwcm9qLTEuaWFtLmdzZXJ2aWNlYWNjb3VudC5jb20iLCJz" \
	"Y29wZSI6Imh0dHBzOi8vd3d3Lmdvb2dsZWFwaXMuY29tL2F1dGgvY2xvdWQt" \
	"cGxhdGZvcm0iLCJhdWQiOiJodHRwczovL29hdXRoMi5nb29nbGVhcGlzLmNv" \
	"bS90b2tlbiIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAzNjAwfQ.i" \
	"n2HhS10gRsUfl0L06pBFEn19fO4gIaoG5kdOGkQV0QxjbaFbrScgbNMId-ju" \
	"zIAgbfUdS4V8-y8BhVGbvLkqWmO4TYJT0sSJ9au5WEvxrtD3q4sl2D4frYIP" \
	"BFMsnZiyE-DhDhvkucSp-wlYAIUtKu5MNcVTxaMRLxZ2OdvxgfQ_5iPD2ko3" \
	"90REEeL0OKo4S5l7yPYwrd7oQdTt7aTm-0WV7B28BwEKofm7qZOguMMDnL5z" \
	"mTZp0fbvpvAhgGvn_7fYqyoEBPITG0K_IbT3Y5qxji5kSxc2Hszi2KcQxGRR" \
	"0buV_cWR7yaPp2il6BVR_OGAAm52epiPvMGA-02Ug"

#endif
