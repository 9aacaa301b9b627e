import jakarta.activation.DataHandler;
import jakarta.jws.WebMethod;
import jakarta.jws.WebParam;
import jakarta.jws.WebResult;
import jakarta.jws.WebService;
import jakarta.mail.util.ByteArrayDataSource;
import jakarta.xml.bind.annotation.XmlMimeType;
import jakarta.xml.ws.WebFault;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import org.apache.cxf.binding.soap.SoapBindingConstants;
import org.apache.cxf.jaxws.JaxWsServerFactoryBean;
import org.apache.cxf.ws.addressing.WSAddressingFeature;
import org.apache.cxf.ws.security.wss4j.WSS4JInInterceptor;
import org.apache.cxf.ws.security.wss4j.WSS4JOutInterceptor;
import org.apache.wss4j.common.ext.WSPasswordCallback;

/** Apache CXF as an independent SOAP peer: one service at several addresses, each with other demands. */
public class Server {
    private static final String NS = "urn:cxf:claims";
    private static final String PASSWORD = "secret";
    private static final String BODY_AND_TIMESTAMP =
        "{}{http://schemas.xmlsoap.org/soap/envelope/}Body;"
        + "{}{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}Timestamp";

    @WebService(targetNamespace = NS, name = "Claims")
    public interface Claims {
        @WebMethod
        @WebResult(name = "claim")
        Claim getClaim(@WebParam(name = "claimId") String claimId) throws UnknownClaim;

        @WebMethod
        @WebResult(name = "claims")
        List<Claim> listClaims(@WebParam(name = "count") int count);

        @WebMethod
        @WebResult(name = "receipt")
        Receipt putDocument(@WebParam(name = "document") Document document);

        @WebMethod
        @WebResult(name = "document")
        Document getDocument(@WebParam(name = "size") int size);
    }

    public static class Claim {
        public String claimId;
        public String remark;
        public int weeks;
    }

    public static class Receipt {
        public String sha256;
        public int size;
    }

    public static class Document {
        public String title;
        @XmlMimeType("application/octet-stream")
        public DataHandler content;
    }

    public static class Unknown {
        public String claimId;
    }

    @WebFault(name = "UnknownClaim", targetNamespace = NS)
    public static class UnknownClaim extends Exception {
        private final Unknown detail;

        public UnknownClaim(String message, Unknown detail) {
            super(message);
            this.detail = detail;
        }

        public Unknown getFaultInfo() {
            return detail;
        }
    }

    @WebService(targetNamespace = NS, serviceName = "ClaimsService", portName = "ClaimsPort",
        endpointInterface = "Server$Claims")
    public static class ClaimsImpl implements Claims {
        public Claim getClaim(String claimId) throws UnknownClaim {
            if (!claimId.startsWith("K")) {
                Unknown unknown = new Unknown();
                unknown.claimId = claimId;
                throw new UnknownClaim("no such claim", unknown);
            }
            Claim claim = new Claim();
            claim.claimId = claimId;
            claim.remark = "<&> \u00e9";
            claim.weeks = 7;
            return claim;
        }

        public List<Claim> listClaims(int count) {
            List<Claim> claims = new ArrayList<>();
            for (int n = 0; n < count; n++) {
                Claim claim = new Claim();
                claim.claimId = "K" + n;
                claim.weeks = n;
                claims.add(claim);
            }
            return claims;
        }

        public Receipt putDocument(Document document) {
            try {
                byte[] content = document.content.getInputStream().readAllBytes();
                Receipt receipt = new Receipt();
                receipt.size = content.length;
                receipt.sha256 = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
                return receipt;
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }

        public Document getDocument(int size) {
            byte[] content = new byte[size];
            for (int n = 0; n < size; n++) {
                content[n] = (byte) (n * 31);
            }
            Document document = new Document();
            document.title = "size " + size;
            document.content = new DataHandler(new ByteArrayDataSource(content, "application/pdf"));
            return document;
        }
    }

    public static class Passwords implements CallbackHandler {
        public void handle(Callback[] callbacks) {
            for (Callback callback : callbacks) {
                ((WSPasswordCallback) callback).setPassword(PASSWORD);
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        String base = "http://127.0.0.1:" + arguments[0] + "/";
        String keys = "keys.properties";
        publish(base + "plain", Map.of(), null, null);
        publish(base + "soap12", Map.of("soap12", true), null, null);
        publish(base + "mtom", Map.of("mtom", true), null, null);
        publish(base + "addressing", Map.of("addressing", true), null, null);
        publish(base + "digest", Map.of(), security("UsernameToken Timestamp", "passwordType", "PasswordDigest"), null);
        publish(base + "text", Map.of(), security("UsernameToken", "passwordType", "PasswordText"), null);
        for (String key : new String[] {"DirectReference", "IssuerSerial", "SKIKeyIdentifier", "Thumbprint"}) {
            publish(base + "signed-" + key, Map.of("addressing", true),
                security("Signature Timestamp", "signaturePropFile", keys),
                security("Timestamp Signature", "signaturePropFile", keys, "user", "server",
                    "signatureKeyIdentifier", key,
                    "signatureAlgorithm", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                    "signatureDigestAlgorithm", "http://www.w3.org/2001/04/xmlenc#sha256",
                    "signatureParts", BODY_AND_TIMESTAMP));
        }
        publish(base + "signed-mtom", Map.of("mtom", true),
            security("Signature Timestamp", "signaturePropFile", keys),
            security("Timestamp Signature", "signaturePropFile", keys, "user", "server",
                "signatureKeyIdentifier", "DirectReference",
                "signatureAlgorithm", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                "signatureDigestAlgorithm", "http://www.w3.org/2001/04/xmlenc#sha256",
                "signatureParts", BODY_AND_TIMESTAMP));
        publish(base + "signed-ec", Map.of(),
            security("Signature Timestamp", "signaturePropFile", "keys-ec.properties"),
            security("Timestamp Signature", "signaturePropFile", "keys-ec.properties", "user", "server",
                "signatureKeyIdentifier", "DirectReference",
                "signatureAlgorithm", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
                "signatureDigestAlgorithm", "http://www.w3.org/2001/04/xmlenc#sha256",
                "signatureParts", "{}{http://schemas.xmlsoap.org/soap/envelope/}Body"));
        encrypted(base + "encrypted-gcm", keys, "http://www.w3.org/2009/xmlenc11#aes256-gcm");
        encrypted(base + "encrypted-cbc", keys, "http://www.w3.org/2001/04/xmlenc#aes256-cbc");
        System.out.println("ready");
        System.in.read();
        System.exit(0);
    }

    private static void encrypted(String address, String keys, String algorithm) {
        publish(address, Map.of(),
            security("Signature Encryption Timestamp", "signaturePropFile", keys, "decryptionPropFile", keys),
            security("Timestamp Signature Encryption", "signaturePropFile", keys, "encryptionPropFile", keys,
                "user", "server", "encryptionUser", "client", "signatureKeyIdentifier", "DirectReference",
                "signatureAlgorithm", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                "signatureDigestAlgorithm", "http://www.w3.org/2001/04/xmlenc#sha256",
                "encryptionKeyTransportAlgorithm", "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
                "encryptionSymAlgorithm", algorithm,
                "signatureParts", BODY_AND_TIMESTAMP));
    }

    private static Map<String, Object> security(String action, String... pairs) {
        Map<String, Object> options = new HashMap<>();
        options.put("action", action);
        options.put("passwordCallbackClass", Passwords.class.getName());
        for (int n = 0; n < pairs.length; n += 2) {
            options.put(pairs[n], pairs[n + 1]);
        }
        return options;
    }

    private static void publish(String address, Map<String, Object> features, Map<String, Object> in,
        Map<String, Object> out) {
        JaxWsServerFactoryBean factory = new JaxWsServerFactoryBean();
        factory.setAddress(address);
        factory.setServiceBean(new ClaimsImpl());
        if (features.containsKey("soap12")) {
            factory.setBindingId(SoapBindingConstants.SOAP12_BINDING_ID);
        }
        if (features.containsKey("addressing")) {
            factory.getFeatures().add(new WSAddressingFeature());
        }
        Map<String, Object> properties = new HashMap<>();
        properties.put("mtom-enabled", features.containsKey("mtom"));
        factory.setProperties(properties);
        if (in != null) {
            factory.getInInterceptors().add(new WSS4JInInterceptor(in));
        }
        if (out != null) {
            factory.getOutInterceptors().add(new WSS4JOutInterceptor(out));
        }
        factory.create();
    }
}
